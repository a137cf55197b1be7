"""A Glue job in PySpark that merges CSV files into an Apache Iceberg table, checked by AWS Glue's own data quality.

A second load of a file merges the same rows again, and changes nothing. Arguments: `--target database.table`, `--key column`, and those of the batch.
It needs `--extra-py-files` with `headgate_jobs`, and `--datalake-formats iceberg`.
"""

import sys

from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from awsglue.utils import getResolvedOptions
from awsgluedq.transforms import EvaluateDataQuality
from pyspark.context import SparkContext
from pyspark.sql import functions as f

from headgate_jobs.batch import Batch

MERGE = """
MERGE INTO glue_catalog.{target} t USING incoming s ON t.{key} = s.{key} AND t.business_date = s.business_date
WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *
"""


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


def load(spark, glue, batch, file, target, key):
    frame = spark.read.csv(file.uri, header=True)
    missing = [each for each in (batch.columns or {}).get("expected", []) if each not in frame.columns]
    if missing:
        file.rejected("the file has no column " + ", ".join(missing))
        return
    checks = []
    for severity, rules in batch.checks.items():
        checks += [{**each, "severity": severity} for each in checks_of(glue, frame, rules)]
    rows = frame.count()
    file.require_unchanged()  # Spark reads the newest version: it has to be the one of the batch
    wrong = [each["rule"] for each in checks if each["severity"] == "reject" and not each["passed"]]
    if wrong:
        file.rejected("; ".join(wrong), rows_read=rows, checks=checks)
        return
    frame.withColumn("business_date", f.lit(batch.business_date).cast("date")).createOrReplaceTempView("incoming")
    spark.sql(MERGE.format(target=target, key=key))
    file.processed(rows_read=rows, rows_written=rows, checks=checks)


def main():
    given = getResolvedOptions(sys.argv, ["target", "key"])
    glue = GlueContext(SparkContext.getOrCreate())
    with Batch.of_arguments() as batch:
        for file in batch:
            with file:
                load(glue.spark_session, glue, batch, file, given["target"], given["key"])


main()
