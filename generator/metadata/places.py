"""Finds the line and column of a JSON pointer in a file. Only files with findings are parsed for it."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import yaml

from headgate.generator.findings import Finding, pointer_parts
from headgate.generator.metadata.reading_rules import UNKNOWN_KEY
from headgate.generator.metadata.yaml_reader import ReadError, compose


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
                trees[file] = compose(read_bytes(file))
            except (ReadError, OSError):
                trees[file] = None
        return trees[file]

    for finding in findings:
        node = tree(finding.file) if not finding.line else None
        if node is None:
            yield finding
            continue
        line, column, there = place(node, finding.pointer, finding.rule is UNKNOWN_KEY)
        if not there and finding.pointer:
            domain_file = finding.file.with_name("domain.yaml")
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
        yield finding.at(line, column)
