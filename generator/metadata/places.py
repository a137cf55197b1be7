"""Finds the line and column of a JSON pointer in a file. Only files with findings are parsed for it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import yaml

from headgate.generator.findings import Finding, pointer_parts
from headgate.generator.metadata.files import PRODUCT
from headgate.generator.metadata.read_error import ReadError
from headgate.generator.metadata.reading_rules import EMPTY_VALUE, INDENTATION, UNKNOWN_KEY, UNREADABLE
from headgate.generator.metadata.schema import TYPE_NAMES
from headgate.generator.metadata.syntax_errors import comment_as_value
from headgate.generator.metadata.yaml_reader import compose


def place(node: yaml.Node, pointer: str, at_key: bool = False) -> tuple[int, int, bool]:
    """Line and column (from 1) of `pointer` below `node`, and whether the pointer exists.

    The place of a short value is that of the value, the place of a longer one (or with `at_key`) that of its key. A pointer to a key that is
    missing gives the place of the nearest value above it.
    """
    parts = pointer_parts(pointer)
    mark, current = node.start_mark, node
    for depth, part in enumerate(parts):
        if isinstance(current, yaml.MappingNode):
            found = next(((k, v) for k, v in current.value if k.value == part), None)
            if found is None:
                return mark.line + 1, mark.column + 1, False
            short = isinstance(found[1], yaml.ScalarNode) and bool(found[1].value)
            mark = (found[1] if short and depth == len(parts) - 1 and not at_key else found[0]).start_mark
            current = found[1]
        elif isinstance(current, yaml.SequenceNode) and part.isdigit() and int(part) < len(current.value):
            current = current.value[int(part)]
            mark = current.start_mark
        else:
            return mark.line + 1, mark.column + 1, False
    return mark.line + 1, mark.column + 1, True


def resolve(findings: Iterable[Finding], read_bytes: Callable[[Path], bytes]) -> Iterator[Finding]:
    """The findings with line and column. A value from the domain's defaults gets its place there."""
    trees: dict[Path, yaml.Node | None] = {}

    def tree(file: Path) -> yaml.Node | None:
        if file not in trees:
            try:
                trees[file] = compose(
                    read_bytes(file).replace(b"\t", b" ") if file.suffix == ".json" else read_bytes(file)
                )
            except (ReadError, OSError):
                trees[file] = None
        return trees[file]

    for finding in findings:
        # an unreadable file may be a pipe, or lie outside: it is not opened
        node = tree(finding.file) if not finding.line and finding.rule is not UNREADABLE else None
        if node is None:
            yield finding
            continue
        line, column, there = place(node, finding.pointer, finding.rule in (UNKNOWN_KEY, INDENTATION))
        if not there and finding.pointer:
            inside = finding.file.name == PRODUCT and not finding.file.with_name("domain.yaml").exists()
            domain_file = (finding.file.parent if inside else finding.file).with_name("domain.yaml")
            defaults = tree(domain_file) if domain_file != finding.file else None
            if defaults is not None:
                in_defaults = place(defaults, "/defaults" + finding.pointer)
                if in_defaults[2]:
                    yield Finding(
                        finding.rule,
                        domain_file,
                        "/defaults" + finding.pointer,
                        finding.found,
                        finding.expected,
                        finding.hint,
                        in_defaults[0],
                        in_defaults[1],
                    )
                    continue
        if finding.rule is EMPTY_VALUE:
            finding = _with_comment(finding, read_bytes(finding.file), line)
        yield finding.at(line, column)


def _with_comment(finding: Finding, data: bytes, line: int) -> Finding:
    """The finding with the hint that quotes are missing, if the value was read as a comment (`slack: #alerts`)."""
    text = comment_as_value(data.decode("utf-8-sig").splitlines()[line - 1])
    if not text:
        return finding
    value = f'["{text}"]' if finding.expected == TYPE_NAMES["array"] else f'"{text}"'
    hint = f"Write {value} with the quotes: an unquoted # begins a comment."
    return replace(finding, found=f"nothing: `{text}` is a comment", hint=hint)
