"""dbt: the manifest of a project as products, each of which builds a part of the project."""
