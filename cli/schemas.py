"""Where the schemas for editors are: written by `headgate schema`, named by what `headgate new` writes."""

SCHEMAS = "schemas"  # beside the products folder


def schema_file(kind: str) -> str:
    return f"{kind}.schema.json"


def modeline(kind: str) -> str:
    """The first line of `<products>/<domain>/<file>.yaml`: the YAML language server reads the schema from it."""
    return f"# yaml-language-server: $schema=../../{SCHEMAS}/{schema_file(kind)}\n"
