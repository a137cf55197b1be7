"""The quantity of each account, from the table that the custodian's files are loaded into."""

import argparse
from collections import Counter

from tables import arguments, write

from headgate_jobs.iceberg import catalog_of

parser = argparse.ArgumentParser()
parser.add_argument("--table", required=True)
parser.add_argument("--catalog", required=True)
place, given = parser.parse_known_args()[0], arguments()
table = catalog_of(str(given.data), place.catalog).load_table(place.table)
quantities: Counter[str] = Counter()
for row in table.scan(row_filter=f"business_date = '{given.business_date}'").to_arrow().to_pylist():
    quantities[row["account"]] += row["quantity"]
write(given, "d1/exposure", [{"account": name, "quantity": str(value)} for name, value in sorted(quantities.items())])
