"""`headgate schema`: the JSON Schemas by which an editor completes and checks metadata."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from headgate.cli import terminal
from headgate.cli.errors import FINE, UsageError
from headgate.cli.schemas import SCHEMAS, schema_file
from headgate.generator.metadata import own_types
from headgate.generator.metadata.editor_schema import NAMES, editor_schema


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(SCHEMAS),
        metavar="DIR",
        help=f"the folder to write to (default: {SCHEMAS}, where the files that `headgate new` writes expect them)",
    )


def run(arguments: argparse.Namespace) -> int:
    own_types.use(Path("steps"))
    for path in write_schemas(arguments.out):
        terminal.line(f"{path}")
    terminal.line()
    terminal.line(
        "Files that begin with `# yaml-language-server: $schema=PATH` are checked by them; `headgate new` writes that line."
    )
    return FINE


def write_schemas(folder: Path) -> Iterator[Path]:
    """Writes the schema of each kind of file, with the step types that are known. Raises `UsageError`."""
    for name in NAMES:
        path = folder / schema_file(name)
        text = json.dumps(editor_schema(name), indent=2, ensure_ascii=False) + "\n"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from None
        yield path
