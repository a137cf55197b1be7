"""Which AWS operations the code that a function can reach calls, read from the source.

What a function can reach are the functions, classes and constants that its handler names, those that they name, and so on; a
method counts once its class is reached and its name is used, and all of a package that finds its modules itself (`iter_modules`)
once the code that finds them is reached. In that code an operation is a name (`get_job_run`, also as text) of a
service whose client is named there (`"glue"`). So a call that a test never makes is found as well.
"""

import ast
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import botocore.session
from botocore import xform_name

Node = tuple[str, str]  # module, name of a function, class, method (`Class.method`) or constant


@dataclass
class _Body:
    """What one node names: other nodes, attributes of anything, and texts."""

    nodes: set[Node] = field(default_factory=set)
    words: set[str] = field(default_factory=set)


class Code:
    """The modules under a folder that is on the import path. The modules of the packages `apart` are reached by name only."""

    def __init__(self, folder: Path, apart: tuple[str, ...] = ()) -> None:
        self._apart = apart
        self._bodies: dict[Node, list[ast.AST]] = {}
        self._imported: dict[str, dict[str, str]] = {}  # by module: its name for something -> `module` or `module:name`
        paths = {path.relative_to(folder).with_suffix(""): path for path in folder.rglob("*.py")}
        trees = {".".join(path.parts).removesuffix(".__init__"): ast.parse(file.read_text("utf-8")) for path, file in paths.items()}  # fmt: skip
        for module, tree in trees.items():
            self._imported[module] = dict(_imports(tree, trees.keys()))
            for statement in tree.body:
                for name, parts in _defined(statement):
                    self._bodies.setdefault((module, name), []).extend(parts)

    def reached(self, module: str, name: str = "handler") -> tuple[set[Node], set[str]]:
        """The nodes that can be reached from one, and the attributes and texts in them."""
        seen: set[Node] = set()
        words: set[str] = set()
        due = {(module, name)}
        while due:
            seen |= due
            found = {each: self._read(*each) for each in due}
            words |= set().union(*(each.words for each in found.values()))
            due = set().union(*(each.nodes for each in found.values()))
            searching = {package for (package, _), body in found.items() if "iter_modules" in body.words}
            due |= {each for each in self._bodies if each[0].rpartition(".")[0] in searching - {*self._apart}}
            due |= {each for each in self._bodies if _is_method(each, seen) and each[1].split(".")[1] in words}
            due = (due & self._bodies.keys()) - seen
        return seen, words

    def actions(self, module: str, name: str = "handler") -> set[str]:
        """The IAM actions of the operations that can be reached."""
        return actions(self.reached(module, name)[1])

    def module_actions(self, module: str) -> set[str]:
        """The IAM actions of every operation in one module."""
        return actions(set().union(*(self._read(*each).words for each in self._bodies if each[0] == module)))

    def _read(self, module: str, name: str) -> _Body:
        body, known = _Body(), self._imported[module]
        for part in self._bodies[module, name]:
            for each in ast.walk(part):
                if isinstance(each, ast.Constant) and isinstance(each.value, str):
                    body.words.add(each.value)
                elif isinstance(each, ast.Attribute):
                    body.words.add(each.attr)
                    if isinstance(each.value, ast.Name):
                        body.nodes.add((known.get(each.value.id, ""), each.attr))
                elif isinstance(each, ast.Name):
                    origin, _, original = known.get(each.id, f"{module}:{each.id}").partition(":")
                    body.nodes.add((origin, original))
        return body


# Operations whose actions have other names (docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html).
OTHER_ACTIONS = {"s3:ListObjectsV2": "s3:ListBucket", "s3:ListObjectVersions": "s3:ListBucketVersions"}


def actions(words: set[str]) -> set[str]:
    """The IAM actions of the operations among these words, of the services among them."""
    return {
        action
        for service in words & set(_loader().get_available_services())
        for operation, action in _operations(service).items()
        if operation in words
    }


def _defined(statement: ast.stmt) -> Iterator[tuple[str, Sequence[ast.AST]]]:
    """The nodes that a statement of a module defines. A class comes with what it does when it is made, methods apart."""
    if isinstance(statement, ast.ClassDef):
        methods = [
            each for each in statement.body if isinstance(each, ast.FunctionDef) and not each.name.startswith("__")
        ]
        yield statement.name, [*statement.bases, *(each for each in statement.body if each not in methods)]
        yield from ((f"{statement.name}.{each.name}", [each]) for each in methods)
    elif isinstance(statement, ast.FunctionDef):
        yield statement.name, [statement]
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        names = {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}
        yield from ((name, [statement]) for name in names)


def _imports(tree: ast.Module, modules: Container[str]) -> Iterator[tuple[str, str]]:
    for each in ast.walk(tree):
        if isinstance(each, ast.Import):
            yield from ((alias.asname or alias.name, alias.name) for alias in each.names)
        elif isinstance(each, ast.ImportFrom) and each.module:
            for alias in each.names:
                within = f"{each.module}.{alias.name}"
                yield alias.asname or alias.name, within if within in modules else f"{each.module}:{alias.name}"


def _is_method(node: Node, seen: set[Node]) -> bool:
    module, name = node
    return "." in name and (module, name.split(".")[0]) in seen


@cache
def _loader() -> botocore.session.Session:
    return botocore.session.get_session()


@cache
def _operations(service: str) -> dict[str, str]:
    """The client's methods of a service, and the IAM action of each."""
    model = _loader().get_service_model(service)
    actions = {each: f"{model.signing_name}:{each}" for each in model.operation_names}
    return {xform_name(each): OTHER_ACTIONS.get(action, action) for each, action in actions.items()}
