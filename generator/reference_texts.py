"""The passages of the metadata reference that do not follow from a schema."""

EDITOR = """\
An editor with a YAML language server completes and checks these files: `headgate schema` writes the JSON Schemas, step types
included, into `schemas/`, and a file names its schema in its first line, as the files of `headgate new` do:

```yaml
# yaml-language-server: $schema=../../schemas/product.schema.json
```
"""

PYTHON = """\
Instead of YAML, a file `<domain>/<file>.py` may yield products, which are checked and generated alike. A file that begins with `_` is for imports of the others. The result may depend on
the files under `products/` only.

```python
from collections.abc import Iterator

from headgate.products import Product, Retry, Schedule, Step, all_of


def products() -> Iterator[Product]:
    for region in ("eu", "us"):
        yield Product(
            f"positions-{region}",
            f"Positions of {region}",
            schedule=Schedule("daily", time="06:00"),
            depends_on=all_of("raw/trades"),
            steps=[Step("build", "glue", {"job": f"positions-{region}"}, retry=Retry(2, interval="60s"))],
        )
```
"""

FOLDER_OF_PRODUCT = """\
A product whose code ships with it is a folder: its metadata in `<domain>/<product>/product.yaml`, the files beside it. Steps name them relative to the folder.

```yaml
# d1/ds3/product.yaml, with clean.py and lib/tables.py beside it
description: Positions, cleaned
depends_on: {all_of: [raw/trades]}
pipeline:
  steps:
    - name: clean
      glue:
        script: clean.py
        py_files: [lib/tables.py]
        arguments: {"--business_date": "{business_date}"}
        default_arguments: {"--data": s3://positions/data/}
        connections: [warehouse]
        grants:
          - {action: [s3:GetObject, s3:PutObject], resource: "arn:${AWS::Partition}:s3:::positions/data/*"}
```

`headgate deploy` and `sam deploy` make the job `<NamePrefix>d1_ds3_clean` and its role, and upload each file under a key with the digest of its content. A run keeps the files with which its pipeline
began. Other types name files in the same way: `emr`, `emr_serverless`, `ecs`, and the queries of `athena` and `redshift` ([decision 49](decisions/0049-code-ships-with-its-product.md)). Locally the script runs in Python, without Spark, with what its role allows; `--data` is the folder of the run's data. A script of a scenario
with the job's name stands in for it.
"""
