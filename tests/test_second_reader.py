"""A second process reads part of the metadata; nothing but time depends on it."""

import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from headgate.generator.cache import Cache
from headgate.generator.metadata import second_reader
from headgate.generator.metadata.yaml_reader import read
from headgate.generator.project import Project

MESH = "--- raw/domain.yaml\nowner: x\n--- d1/domain.yaml\nowner: x\ndefaults: {wait: {deadline: 5h}}\n--- d2/domain.yaml\nowner: [x]\n"
PRODUCT = "--- {}\ndescription: Ä {}\ndepends_on: {{all_of: [raw/r]}}\npipeline: {{steps: [{{name: a, glue: {{job: j{}}}}}]}}\n"
WRONG = (
    "--- d1/broken.yaml\ndescription: {\n",
    "--- d1/wrong.yaml\ndescription: [1]\n",
    "--- raw/r.yaml\ndescription: r\n",
)


@pytest.fixture
def mesh(project: Callable[[str], Path]) -> Path:
    """Products with errors and without, in the part that the second process reads."""
    products = (
        PRODUCT.format(f"{domain}/p{number}.yaml", number, number) for domain in ("d1", "d2") for number in range(4)
    )
    return project(MESH + "".join((*products, *WRONG))) / "products"


def loaded(root: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[object, int]:
    """The mesh and findings, and how many documents this process made."""
    made: list[str] = []

    def counted(data: bytes) -> object:
        made.append("one more")
        return read(data)

    with monkeypatch.context() as patched:
        patched.setattr("headgate.generator.metadata.load_beside.read", counted)
        result = Project(root, Cache(None), date(2026, 11, 21)).loaded
    mesh = result.mesh
    return (mesh.products, mesh.broken, mesh.partial, mesh.domains, result.findings, result.digests), len(made)


def test_half_gives_the_same_mesh_and_findings(mesh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone, all_of_them = loaded(mesh, monkeypatch)
    monkeypatch.setattr(second_reader, "MANY", 1)
    monkeypatch.setattr(second_reader, "SHARE", 0.9)
    together, fewer = loaded(mesh, monkeypatch)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    failed, as_many = loaded(mesh, monkeypatch)

    assert alone == together == failed
    assert fewer <= all_of_them - 3, "the second process made the documents without errors"
    assert as_many == all_of_them


def test_a_file_that_changes_meanwhile_counts_as_this_process_read_it(
    mesh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_reader, "MANY", 1)
    monkeypatch.setattr(second_reader, "SHARE", 0.9)
    original = second_reader.SecondReader.__init__

    def changed(self: second_reader.SecondReader, *arguments: object) -> None:
        (mesh / "d1/p1.yaml").write_text("description: changed\n")
        original(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(second_reader.SecondReader, "__init__", changed)
    result = Project(mesh, Cache(None), date(2026, 11, 21)).loaded

    assert result.mesh.products["d1/p1"].description == "Ä 1"
