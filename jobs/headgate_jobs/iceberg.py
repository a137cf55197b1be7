"""Rows of files in an Apache Iceberg table, known by a key, written by as many job runs at once as there are batches.

    table = Staging(catalog_of("s3://lake/staging"), "staging.positions", key=["account"])
    table.upsert(batch, [(file, rows), ...])  # one commit for all files of the batch

What is repeated commits nothing. It needs PyIceberg and DuckDB (`--additional-python-modules pyiceberg==0.12.0,pyarrow==26.0.1,duckdb==2.0.0`), and so
Python 3.10: a Spark job of Glue 5 has 3.11, also for a script that does not use Spark; Glue's Python shell has 3.9.
"""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING, Any, Sequence

import boto3
import duckdb
from botocore.config import Config
from botocore.exceptions import ClientError
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchTableError,
    TableAlreadyExistsError,
    ValidationException,
)
from pyiceberg.table import TableProperties

from headgate_jobs.tables import quoted

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

    from headgate_jobs.batch import Batch, File

THROTTLED = ("ThrottlingException", "Throttling", "OperationTimeoutException", "InternalServiceException")
# another writer was
FASTER = (CommitFailedException, ValidationException, TableAlreadyExistsError, NamespaceAlreadyExistsError)
TRIES, LONGEST_PAUSE = 40, 5.0  # of a commit, and seconds between two of them

OWN = "CAST(? AS DATE) AS business_date, r.*, ? AS file, CAST(? AS BIGINT) AS file_id, ? AS position FROM given r"
LAST = "SELECT * EXCLUDE position FROM incoming QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {newest} position DESC) = 1"
TWICE = "SELECT any_value(file), {key} FROM incoming GROUP BY position, {every} HAVING count(*) > 1 LIMIT 1"
CHANGED = "SELECT {columns} FROM incoming c WHERE NOT EXISTS (SELECT 1 FROM present p WHERE {newer}) EXCEPT SELECT {columns} FROM present"
REMOVED = """
SELECT {columns} FROM present p WHERE EXISTS (SELECT 1 FROM changed c WHERE {same_key})
OR ({replaces} AND EXISTS (SELECT 1 FROM files f WHERE f.file = p.file) AND NOT EXISTS (SELECT 1 FROM incoming c WHERE {same_key}))
"""
KEPT = "SELECT {columns} FROM present WHERE file_id IN (SELECT file_id FROM removed) EXCEPT ALL SELECT {columns} FROM removed"


def catalog_of(warehouse: str, catalog_id: str = "") -> Catalog:
    """The Glue Data Catalog of this account, or of the account `catalog_id`. Tables of a database without a location are made below `warehouse`."""
    properties = {"warehouse": warehouse}
    if region := boto3.Session().region_name:
        properties["s3.region"] = region  # else PyIceberg asks AWS for the region of the bucket
    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        properties["s3.endpoint"] = endpoint  # boto3 reads this variable, PyArrow does not
    # A commit whose answer is lost must not be sent again by boto3: Glue would refuse it, and PyIceberg would delete what the first one had written.
    glue = boto3.client("glue", config=Config(retries={"total_max_attempts": 1}))
    if catalog_id:
        glue.meta.events.register("provide-client-params.glue", lambda params, **_: params.update(CatalogId=catalog_id))
    return GlueCatalog("glue", glue, **properties)


class Staging:
    """A table of rows that are known by `business_date` and the columns of `key`. Its first rows make it, by date in partitions. Beside their columns each
    row has `file`, the key of its object, and `file_id`, the version of it."""

    def __init__(self, catalog: Catalog, name: str, key: Sequence[str], order: str = "") -> None:
        """`order` is the column that says which of two rows with the same key is newer, and then an older one is never written over a newer one: for files of
        changes (`load: cdc`). What is deleted stays a row there, with a column that says so."""
        self._catalog, self._name, self._key, self._order = catalog, name, ("business_date", *key), order

    def upsert(self, batch: Batch, loaded: Sequence[tuple[File, Any]]) -> int:
        """Puts the rows of the files in, as tables of Arrow, in one commit; gives how many it wrote. Without `order` the row of
        the later file counts. With `load: full` the rows of other versions of a file go, also those that a job had written and not reported.

        Raises `ValueError` for rows that the table cannot take, and `CommitFailedException` if other writers were faster every time."""
        if not loaded:
            return 0
        with duckdb.connect() as connection:
            self._put_together(connection, batch, loaded)
            for number in range(1, TRIES + 1):
                try:
                    return self._commit(connection, batch)
                except FASTER:
                    if number == TRIES:
                        raise
                except ClientError as error:
                    if number == TRIES or error.response["Error"].get("Code") not in THROTTLED:
                        raise
                time.sleep(random.uniform(0, min(0.1 * 2**number, LONGEST_PAUSE)))  # noqa: S311
        return 0

    def _put_together(self, connection: Any, batch: Batch, loaded: Sequence[tuple[File, Any]]) -> None:
        """The table `incoming`: of each key one row; and `files`: which versions of which objects these are."""
        connection.execute("CREATE TABLE files (file VARCHAR, file_id BIGINT)")
        for position, (file, rows) in enumerate(loaded):
            connection.register("given", rows)
            put = "INSERT INTO incoming BY NAME" if position else "CREATE TABLE incoming AS"
            connection.execute(f"{put} SELECT {OWN}", [batch.business_date, file.key, file.file_id, position])
            connection.execute("INSERT INTO files VALUES (?, ?)", [file.key, file.file_id])
        key = ", ".join(quoted(name) for name in self._key)
        newest = f"{quoted(self._order)} DESC," if self._order else ""
        every = f"{key}, {quoted(self._order)}" if self._order else key
        if twice := connection.execute(TWICE.format(key=key, every=every)).fetchone():
            raise ValueError(f"{twice[0]} has more than one row of the key {', '.join(map(str, twice[1:]))}")
        connection.execute("CREATE OR REPLACE TABLE incoming AS " + LAST.format(key=key, newest=newest))

    def _commit(self, connection: Any, batch: Batch) -> int:
        """One try, from the table as it is now. Whatever another writer commits meanwhile makes it fail."""
        table = self._table(connection)
        # PyIceberg's own repetition would append rows beside those that another writer has appended for the same key
        table.metadata.properties[TableProperties.COMMIT_NUM_RETRIES] = "0"
        today = f"business_date = '{batch.business_date}'"
        connection.register("current", table.scan(row_filter=today).to_arrow())
        names = [field.name for field in table.schema().fields]
        self._require_same(names, connection)
        columns = ", ".join(quoted(name) for name in names)
        same_key = " AND ".join(f"c.{quoted(name)} = p.{quoted(name)}" for name in self._key)
        newer = f"{same_key} AND p.{quoted(self._order)} > c.{quoted(self._order)}" if self._order else "false"
        replaces = "true" if batch.load == "full" else "false"
        connection.execute("CREATE OR REPLACE TABLE present AS SELECT * FROM current")
        for name, query in (("changed", CHANGED), ("removed", REMOVED), ("kept", KEPT)):
            text = query.format(columns=columns, same_key=same_key, newer=newer, replaces=replaces)
            connection.execute(f"CREATE OR REPLACE TABLE {name} AS {text}")
        versions = [str(row[0]) for row in connection.execute("SELECT DISTINCT file_id FROM removed").fetchall()]
        written = connection.sql("FROM kept UNION ALL FROM changed").to_arrow_table()
        if versions or written.num_rows:
            with table.transaction() as transaction:
                if versions:
                    transaction.delete(f"{today} AND file_id IN ({', '.join(versions)})")
                if written.num_rows:
                    transaction.append(written)
        return int(connection.execute("SELECT count(*) FROM changed").fetchall()[0][0])

    def _table(self, connection: Any) -> Table:
        try:
            return self._catalog.load_table(self._name)
        except NoSuchTableError:
            database = self._name.rsplit(".", 1)[0]
            if not self._catalog.namespace_exists(database):
                self._catalog.create_namespace(database)
            schema = connection.sql("FROM incoming LIMIT 0").to_arrow_table().schema
            with self._catalog.create_table_transaction(self._name, schema) as made, made.update_spec() as partitions:
                partitions.add_identity("business_date")
            return self._catalog.load_table(self._name)

    def _require_same(self, names: list[str], connection: Any) -> None:
        own = [row[0] for row in connection.execute("DESCRIBE incoming").fetchall()]
        if sorted(own) != sorted(names):
            raise ValueError(f"{self._name} has the columns {', '.join(names)}; the rows have {', '.join(own)}")
