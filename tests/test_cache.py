"""A cache changes how long a run takes and nothing else."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.generator import file_digests
from headgate.generator.cache import Cache, digest
from headgate.generator.findings import Finding
from headgate.generator.lint import linters, proof
from headgate.generator.metadata import yaml_reader
from headgate.generator.output import Changes, opened
from headgate.generator.progress import silent
from headgate.generator.project import Project
from tests.conftest import Headgate

PRODUCTS = ("d1/ds1", "d1/ds2", "d2/ds1", "d2/ds2")
# Two texts of equal length each; some are wrong, and one leads to a warning.
TEXTS = (
    "description: A\npipeline: {steps: [{name: a, glue: {job: one}}]}\ndepends_on: {all_of: [raw/rd1]}\n",
    "description: B\npipeline: {steps: [{name: a, glue: {job: two}}]}\ndepends_on: {all_of: [raw/rd2]}\n",
    'description: C\nschedule: {frequency: daily, time: "06:00", calendar: days, date_offset: -1}\npipeline: {steps: [{name: a, glue: {job: c}}]}\n',
    'description: C\nschedule: {frequency: daily, time: "06:30", calendar: days, date_offset: -1}\npipeline: {steps: [{name: a, glue: {job: d}}]}\n',
    "description: [1]\n",
    "description: [2]\n",
    "description: {\n",
    "a: 1\n",
)
DOMAINS = (
    "owner: x\n",
    "owner: y\n",
    "owner: x\ndefaults: {wait: {deadline: 5h}}\n",
    "owner: x\ndefaults: {wait: {deadline: 6h}}\n",
    "owner: x\ndefaults: {wait: 5}\n",
)
CALENDARS = ("dates: [2026-01-01]\n", "dates: [2026-01-02]\n", "dates: [2026-02-30]\n")

places = st.sampled_from([*PRODUCTS, "raw/rd1"])
edits = st.one_of(
    st.tuples(st.just("write"), places, st.sampled_from(TEXTS)),
    st.tuples(st.just("write"), st.sampled_from(["d1/domain", "d2/domain"]), st.sampled_from(DOMAINS)),
    st.tuples(st.just("write"), st.just("calendars/days"), st.sampled_from(CALENDARS)),
    st.tuples(st.just("write"), st.sampled_from(["readme", "d1/Bad"]), st.just("a: 1\n")),
    st.tuples(st.just("replace"), places, st.sampled_from(TEXTS)),
    st.tuples(st.sampled_from(["remove", "touch", "chmod", "swap"]), places, st.just("")),
    st.tuples(st.just("rename"), places, places),
    st.tuples(st.sampled_from(["spoil", "drop", "stray"]), st.sampled_from(PRODUCTS), st.just("")),
    st.tuples(st.sampled_from(["wait", "lose"]), st.just(""), st.just("")),
)


@dataclass
class Result:
    findings: list[Finding]
    counts: tuple[int, int]
    changes: Changes | None


def work(root: Path, out: Path, cache: Cache) -> Result:
    project = Project(root, cache, date(2026, 11, 21))
    changes = None
    if not project.errors:
        with opened(out, True, cache) as output:
            changes = project.generate(output, silent).changes
    cache.save()
    return Result(project.findings, (project.products, project.domains), changes)


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def apply(edit: tuple[str, str, str], root: Path, outs: tuple[Path, Path], cache: Path) -> None:
    action, place, text = edit
    file = root / f"{place}.yaml"
    match action:
        case "write":  # in place, so that the inode stays
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        case "replace":  # with the times of the file that it replaces, as `cp --preserve` and `mv` would
            fresh = root / ".fresh"
            fresh.write_text(text)
            if file.exists():
                shutil.copystat(file, fresh)
            fresh.replace(file)
        case "swap":
            other = root / "d1/ds1.yaml"
            if file != other and file.exists() and other.exists():
                file.rename(root / ".swap")
                other.rename(file)
                (root / ".swap").rename(other)
        case "spoil":
            for out in outs:
                machine = out / f"{place}.asl.json"
                if machine.exists():
                    machine.write_bytes(machine.read_bytes().replace(b"e", b"f"))
        case "stray" if outs[0].exists():
            for out in outs:
                (out / place).parent.mkdir(exist_ok=True)
                (out / f"{place}.asl.json").write_text("{}")
        case "drop":
            for out in outs:
                (out / f"{place}.asl.json").unlink(missing_ok=True)
        case "wait":
            time.sleep(0.11)
        case "lose":
            for kind in sorted(cache.iterdir())[::2]:
                kind.unlink()
        case _ if file.exists():
            if action == "rename":
                file.rename(root / f"{text}.yaml")
            elif action == "remove":
                file.unlink()
            elif action == "touch":
                file.touch()
            elif action == "chmod":
                file.chmod(0o600)


@contextlib.contextmanager
def quick_linters_and_slow_clock() -> Iterator[None]:
    """Linters do not change what is written. The clock of the file system is made to tick every 40 ms."""
    precise = file_digests.status_of
    tick = 40_000_000

    def coarse(found: os.stat_result) -> file_digests.Status:
        modified, changed, *rest = precise(found)
        return [modified // tick * tick, changed // tick * tick, *rest]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proof, "statelint_problems", lambda definition: [])
        patch.setattr(linters, "cfn_lint_problems", lambda template: [])
        patch.setattr(file_digests, "status_of", coarse)
        patch.setattr("headgate.generator.output.status_of", coarse)
        yield


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(st.lists(edits, max_size=2), max_size=8))
def test_a_run_with_a_cache_equals_one_without(
    tmp_path_factory: pytest.TempPathFactory, steps: list[list[tuple[str, str, str]]]
) -> None:
    folder = tmp_path_factory.mktemp("project")
    root, outs, kept = folder / "products", (folder / "one", folder / "two"), folder / "cache"
    for domain in ("raw", "d1", "d2", "calendars"):
        (root / domain).mkdir(parents=True)
    for place, text in {
        "raw/domain": "owner: r\n",
        "raw/rd1": "description: r\n",
        "raw/rd2": "description: r\n",
    }.items():
        apply(("write", place, text), root, outs, kept)
    for place in ("d1/domain", "d2/domain"):
        apply(("write", place, DOMAINS[0]), root, outs, kept)
    for place, text in zip(PRODUCTS, TEXTS, strict=False):
        apply(("write", place, text), root, outs, kept)
    apply(("write", "calendars/days", CALENDARS[0]), root, outs, kept)
    with quick_linters_and_slow_clock():
        for step in [[], *steps, [("wait", "", "")], []]:
            for edit in step:
                apply(edit, root, outs, kept)
            assert work(root, outs[0], Cache(kept)) == work(root, outs[1], Cache(None))
            if outs[1].exists():
                assert tree(outs[0]) == tree(outs[1])
    shutil.rmtree(folder)


MESH = """\
--- d1/domain.yaml
owner: x
--- d1/ds1.yaml
description: A
schedule: {frequency: daily, time: "06:00"}
pipeline: {steps: [{name: a, glue: {job: one}}]}
--- d1/ds2.yaml
description: A
schedule: {frequency: daily, time: "06:00"}
depends_on: {all_of: [{product: d1/ds1, status: [ERROR]}]}
wait: {on_deadline: start}
pipeline: {steps: [{name: a, glue: {job: two}}]}
"""


def test_what_has_not_changed_is_neither_read_nor_parsed(
    project: Callable[[str], Path], headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project(MESH)
    time.sleep(0.1)
    headgate("generate")
    time.sleep(0.1)
    _, first = headgate("generate")
    read: list[str] = []

    def noted(data: bytes) -> str:
        read.append("one more")
        return digest(data)

    monkeypatch.setattr("headgate.generator.file_digests.digest", noted)
    monkeypatch.setattr(yaml_reader, "compose", None)

    code, second = headgate("generate")

    assert code == 0
    assert first.rsplit("(", 1)[0] == second.rsplit("(", 1)[0]
    assert "2 machines; files: 6 unchanged" in second
    assert not read
    (root / "products/d1/ds1.yaml").touch()
    assert headgate("generate")[0] == 0
    assert len(read) == 1, "a file that was touched is read, found to be as it was, and not parsed"


def test_an_unchanged_run_imports_no_parser_and_no_template_engine(
    project: Callable[[str], Path], headgate: Headgate
) -> None:
    project(MESH)
    headgate("generate")
    code = (
        "import sys; from headgate.cli.main import main; assert main(['generate']) == 0; "
        "print(sorted({'yaml', 'jinja2', 'jsonschema', 'jsonschema_rs', 'cfnlint', 'rich'} & sys.modules.keys()))"
    )

    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert done.stdout.splitlines()[-1] == "[]"


def test_a_change_that_keeps_size_and_times_is_seen(project: Callable[[str], Path], headgate: Headgate) -> None:
    root = project(MESH)
    file, machine = root / "products/d1/ds1.yaml", root / "statemachines/d1/ds1.asl.json"
    time.sleep(0.1)
    headgate("generate")
    for changed in (file, machine):
        time.sleep(0.1)
        headgate("generate")
        before, text = changed.stat(), changed.read_text()
        changed.write_text(text.replace("A", "B"))
        os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))

        assert "statemachines/d1/ds1.asl.json is out of date" in headgate("generate", "--check")[1]


@pytest.mark.parametrize(
    ("age", "whole_seconds", "settled"),
    [(40_000_000, False, False), (60_000_000, False, True), (1_900_000_000, True, False), (2_200_000_000, True, True)],
)
def test_a_status_counts_only_once_the_clock_has_moved_on(age: int, whole_seconds: bool, settled: bool) -> None:
    changed = 1_800_000_000_000_000_000 + (0 if whole_seconds else 123)
    for status in (
        [changed, changed, 1, 1, 1],
        [changed - 10**9, changed, 1, 1, 1],
        [changed, changed - 10**9, 1, 1, 1],
    ):
        assert file_digests.is_settled(status, changed + age) is settled
