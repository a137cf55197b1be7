"""A Glue job in PySpark that merges CSV files into an Apache Iceberg table, checked by AWS Glue's own data quality.

A second load of a file merges the same rows again, and changes nothing. Arguments: `--target database.table`, `--key column`, and those of the batch; with
`load: cdc` also `--sequence column`, a number that grows with each change. It needs `--extra-py-files` with `headgate_jobs`, and `--datalake-formats iceberg`.
"""

import sys
import tempfile

import pandas
from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from awsglue.utils import getResolvedOptions
from awsgluedq.transforms import EvaluateDataQuality
from pyspark.context import SparkContext
from pyspark.sql import Window
from pyspark.sql import functions as f

from headgate_jobs.batch import Batch

MERGE = """
MERGE INTO glue_catalog.{target} t USING incoming s ON t.{key} = s.{key} AND t.business_date = s.business_date
WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *
"""
# of a late file, or of one that is loaded a second time, some rows have been changed since
MERGE_CHANGES = """
MERGE INTO glue_catalog.{target} t USING incoming s ON t.{key} = s.{key}
WHEN MATCHED AND s.{sequence} > t.{sequence} THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *
"""


def read(spark, batch, file):
    if batch.load == "full":
        return spark.read.csv(file.uri, header=True)
    with (
        tempfile.TemporaryDirectory() as place
    ):  # every version counts, and by its address Spark reads the newest alone
        rows = pandas.read_csv(file.download(place), dtype=str)
    schema = ", ".join(f"`{column}` string" for column in rows.columns)
    return spark.createDataFrame(rows.astype(object).where(rows.notna(), None), schema)


def last_changes(frame, key, sequence):
    """Of the changes of each row the last."""
    latest = Window.partitionBy(key).orderBy(f.col(sequence).desc())
    changes = frame.withColumn(sequence, f.col(sequence).cast("long"))
    return changes.withColumn("nth_change", f.row_number().over(latest)).where("nth_change = 1").drop("nth_change")


def checks_of(glue, frame, rules):
    """What Glue says of the rules, as the results of a batch have it."""
    if not rules:
        return []
    dynamic = DynamicFrame.fromDF(frame, glue, "file")
    ruleset = "Rules = [{}]".format(", ".join(each["rule"] for each in rules))
    outcomes = EvaluateDataQuality.apply(frame=dynamic, ruleset=ruleset).toDF().collect()
    said = {" ".join(each["Rule"].split()): each for each in outcomes}
    results = []
    for rule in (each["rule"] for each in rules):
        outcome = said.get(" ".join(rule.split()))
        passed = outcome is not None and outcome["Outcome"] == "Passed"
        message = outcome["FailureReason"] if outcome else "AWS Glue gave no outcome for this rule"
        results.append({"rule": rule, "passed": passed, "message": message or ""})
    return results


def load(spark, glue, batch, file, target, key, sequence):
    frame = read(spark, batch, file)
    missing = [each for each in (batch.columns or {}).get("expected", []) if each not in frame.columns]
    if missing:
        file.rejected("the file has no column " + ", ".join(missing))
        return
    checks = []
    for severity, rules in batch.checks.items():
        checks += [{**each, "severity": severity} for each in checks_of(glue, frame, rules)]
    rows = frame.count()
    if batch.load == "full":
        file.require_unchanged()  # Spark reads the newest version: it has to be the one of the batch
    wrong = [each["rule"] for each in checks if each["severity"] == "reject" and not each["passed"]]
    if wrong:
        file.rejected("; ".join(wrong), rows_read=rows, checks=checks)
        return
    if sequence:
        frame = last_changes(frame, key, sequence)
    frame.withColumn("business_date", f.lit(batch.business_date).cast("date")).createOrReplaceTempView("incoming")
    spark.sql((MERGE_CHANGES if sequence else MERGE).format(target=target, key=key, sequence=sequence))
    file.processed(rows_read=rows, rows_written=rows, checks=checks)


def main():
    given = getResolvedOptions(sys.argv, ["target", "key", *(["sequence"] if "--sequence" in sys.argv else [])])
    glue = GlueContext(SparkContext.getOrCreate())
    with Batch.of_arguments() as batch:
        for file in batch:
            with file:
                load(glue.spark_session, glue, batch, file, given["target"], given["key"], given.get("sequence"))


main()
