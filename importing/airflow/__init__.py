"""Apache Airflow: DAGs in their serialized form as products, and their assets (datasets) as dependencies."""
