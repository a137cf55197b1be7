"""A project of one's own: how it begins, what in it belongs to Headgate, and how it comes to the installed version."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from headgate import VERSION
from headgate.cli.main import main
from headgate.projects import begin, brought, manifest, migrations, upgrading
from headgate.projects.manifest import Edit, Manifest, digest
from headgate.projects.migrations import Migration
from headgate.projects.own_files import Names
from tests.conftest import Headgate
from tests.golden import FOLDER, expect

ROOT = Path(__file__).parent.parent
FUNCTION = "functions/monitor.py"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new project, made once."""
    folder = tmp_path_factory.mktemp("fresh") / "my-mesh"
    assert main(["init", str(folder)]) == 0
    return folder


@pytest.fixture
def mesh(fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, which is the working directory."""
    folder = shutil.copytree(fresh, tmp_path / "my-mesh", symlinks=True)
    monkeypatch.chdir(folder)
    return folder


def described(folder: Path) -> Manifest:
    found = manifest.read(folder)
    assert found is not None
    return found


def as_of_before(folder: Path, changed: dict[str, str | None], version: str = "0.1.0") -> None:
    """Makes the project one of an earlier version, in which these files of Headgate were others, or were not there (None)."""
    now = described(folder)
    files = dict(now.files)
    for path, text in changed.items():
        if text is None:
            (folder / path).unlink()
            del files[path]
        else:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
            files[path] = digest(text.encode())
    Manifest(version, 0, files).write(folder)


def test_init_says_what_it_made_and_what_to_do_next(
    tmp_path: Path, headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, printed = headgate("init", "my-mesh", "--domain", "shop", "--owner", "shop-data")
    assert code == 0
    expect(FOLDER / "messages" / "init.txt", printed.replace(f"Headgate {VERSION}", "Headgate VERSION").encode())
    assert "owner: shop-data" in (tmp_path / "my-mesh/products/shop/domain.yaml").read_text()


def test_a_new_project_is_complete_and_in_order(mesh: Path, headgate: Headgate) -> None:
    made = {each.relative_to(mesh).as_posix() for each in mesh.rglob("*") if ".git/" not in each.as_posix()}
    assert {
        "template.yaml", "samconfig.toml", "requirements.txt", "README.md", ".gitignore", ".gitattributes", manifest.NAME,
        ".vscode/settings.json", ".github/workflows/headgate.yml", "products/sales/domain.yaml", "products/sales/revenue/add_up.py",
        "schemas/product.schema.json", "statemachines/sales/revenue.asl.json", "steps/README.md", "tests/day.yaml", FUNCTION,
        "functions/state/migrations/0001_tables.sql", "functions/schemas", "events/schemas/refresh-event.schema.json", ".git",
    } <= made  # fmt: skip
    texts = {each: each.read_bytes() for each in mesh.rglob("*") if each.is_file() and ".git/" not in each.as_posix()}
    assert [each for each, text in texts.items() if re.search(rb"@[A-Z_]+@", text)] == [], "every name is filled in"
    assert json.loads((mesh / "functions/schemas/refresh-event.schema.json").read_bytes()), (
        "a link that leads somewhere"
    )
    assert (mesh / "functions/own_steps").readlink() == Path("../steps")
    assert headgate("validate", "--strict")[0] == 0
    assert headgate("generate", "--check")[0] == 0
    assert headgate("schema")[0] == 0
    assert subprocess.run(["git", "status", "--short"], cwd=mesh, capture_output=True, text=True, check=True).stdout


def test_what_headgate_brings_is_what_this_repository_has(mesh: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "template.yaml", "functions", "events", "board/template.yaml", "board/page"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()  # fmt: skip
    assert described(mesh).files.keys() == {each for each in tracked if each not in brought.LINKS} | {
        path for path in brought.files() if path not in tracked
    }, "and files that are not committed yet"
    assert all((mesh / path).read_bytes() == (ROOT / path).read_bytes() for path in tracked if (ROOT / path).is_file())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("full",), "full is not empty, it has .hidden, notes.txt; name a new folder. Nothing was written"),
        (("notes.txt",), "notes.txt is no folder"),
        (("My_Mesh",), "My_Mesh: expected as the name of the folder lower-case letters"),
        (("x" * 41,), "at most 40 characters; or give another name with --name"),
        (("new", "--name", "1st"), "1st: expected as --name lower-case letters"),
        (("new", "--domain", "catalog"), "--domain catalog: expected lower-case letters"),
        (("new", "--owner", "a: b"), "--owner a: b: expected a name without quotes"),
    ],
)
def test_init_refuses_in_words(
    arguments: tuple[str, ...], message: str, tmp_path: Path, headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    for name in ("full/.hidden", "full/notes.txt", "notes.txt"):
        (tmp_path / name).write_text("mine")
    code, printed = headgate("init", *arguments)
    assert (code, message in printed) == (2, True), printed
    assert not (tmp_path / "new").exists()


def test_a_repository_that_was_just_created_may_be_filled(
    tmp_path: Path, headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet", "mine"], check=True)
    code, printed = headgate("init", "mine", "--json")
    assert (code, json.loads(printed)["project"]) == (0, "mine")


def test_the_machines_of_one_environment_are_never_under_the_prefix_of_another() -> None:
    for project in ("m", "my-mesh", "a-name-of-forty-characters-and-no-one-more"):
        names = Names(project, "sales", "team", VERSION)
        prefixes = [names.prefix(each) for each in ("dev", "prod")]
        assert all(3 <= len(each) <= 16 and "--" not in each for each in prefixes)
        assert not any(one != other and one.startswith(other) for one in prefixes for other in prefixes)


def test_files_of_headgate_that_were_edited_are_named(mesh: Path, headgate: Headgate) -> None:
    with open(mesh / FUNCTION, "a") as file:
        file.write("# mine\n")
    (mesh / "events/monitor.json").unlink()
    (mesh / "functions/extra.py").write_text("")
    (mesh / "functions/own_steps").unlink()
    edits = [
        Edit("events/monitor.json", "deleted"), Edit("functions/extra.py", "added"), Edit(FUNCTION, "edited"),
        Edit("functions/own_steps", "deleted"),
    ]  # fmt: skip
    code, printed = headgate("validate")
    assert code == 1
    assert [line.split() for line in printed.splitlines()[1:5]] == [[each.path, each.how] for each in edits]
    code, printed = headgate("validate", "--json")
    assert (code, json.loads(printed)["edited"]) == (1, [vars(each) for each in edits])
    code, printed = headgate("generate", "--check")
    assert (code, f"{FUNCTION} " in printed, "`headgate upgrade` says how to keep a change" in printed) == (
        1,
        True,
        True,
    )
    code, printed = headgate("deploy", "--yes")
    assert (code, f"{FUNCTION} (edited)" in printed) == (2, True)
    assert headgate("generate")[0] == 0, "what is generated does not depend on them"


def test_a_broken_manifest_is_an_error_with_a_way_out(mesh: Path, headgate: Headgate) -> None:
    (mesh / manifest.NAME).write_text("{")
    code, printed = headgate("validate")
    assert (code, "git checkout -- .headgate-files.json" in printed) == (2, True)


@pytest.mark.slow
def test_an_upgrade_shows_what_changes_and_changes_it(mesh: Path, headgate: Headgate) -> None:
    template = (mesh / "template.yaml").read_text()
    fewer = re.sub(r"\n  DatabaseKeeper: .*", "", template)
    assert fewer != template
    as_of_before(
        mesh,
        {FUNCTION: "old", "functions/gone.py": "", "functions/state/migrations/0042_forecast.sql": None, "template.yaml": fewer},
    )  # fmt: skip
    (mesh / "requirements.txt").write_text("boto3\nheadgate[local]==0.1.0  # pinned\n")
    samconfig = (mesh / "samconfig.toml").read_text()
    (mesh / "samconfig.toml").write_text(samconfig.replace('"Mode=single', "\"Mode=single GlueJobNames='a,b'", 1))
    code, printed = headgate("validate")
    assert (code, "has the functions of Headgate 0.1.0" in printed, "`headgate upgrade` shows" in printed) == (
        2,
        True,
        True,
    )

    code, shown = headgate("upgrade", "--dry-run")
    assert code == 0
    expect(FOLDER / "messages" / "upgrade.txt", re.sub(rf"(to |==){VERSION}", r"\1VERSION", shown).encode())
    assert (mesh / FUNCTION).read_text() == "old", "nothing has changed"
    assert headgate("upgrade")[0] == 3, "it asks first, and nobody can answer here"

    code, printed = headgate("upgrade", "--yes", "--json")
    answer = json.loads(printed)
    assert (code, answer["applied"], answer["from"], answer["to"]) == (0, True, "0.1.0", VERSION)
    assert (answer["removed"], answer["monthly_usd"]) == (["functions/gone.py"], 0.4)
    assert described(mesh).edits(mesh) == []
    assert not (mesh / "functions/gone.py").exists()
    assert (mesh / "samconfig.toml").read_text() == samconfig
    assert (mesh / "requirements.txt").read_text() == f"boto3\nheadgate[local]=={VERSION}  # pinned\n"
    assert headgate("validate")[0] == 0
    code, printed = headgate("upgrade")
    assert (code, printed) == (0, f"Nothing to do: the project is as Headgate {VERSION} brings it.\n")


@pytest.mark.slow
def test_an_upgrade_also_writes_what_the_installed_generator_makes(mesh: Path, headgate: Headgate) -> None:
    machine = mesh / "statemachines/sales/revenue.asl.json"
    now = machine.read_bytes()
    machine.write_bytes(now.replace(b'"StartAt"', b'"Comment": "old", "StartAt"', 1))
    (mesh / "schemas/product.schema.json").write_text("{}")
    as_of_before(mesh, {})
    code, printed = headgate("upgrade", "--yes")
    assert (code, "1 changed (sales/revenue)" in printed) == (0, True), printed
    assert machine.read_bytes() == now
    assert len((mesh / "schemas/product.schema.json").read_bytes()) > 1000


@pytest.mark.slow
def test_an_upgrade_refuses_to_replace_what_was_edited_and_says_how_to_keep_it(mesh: Path, headgate: Headgate) -> None:
    as_of_before(mesh, {FUNCTION: "old", "functions/alerts.py": "old"})
    (mesh / FUNCTION).write_text("mine")
    (mesh / "functions/alerts.py").write_text("mine as well")
    code, printed = headgate("upgrade", "--yes")
    assert code == 3
    expect(FOLDER / "messages" / "upgrade-refused.txt", printed.encode())
    assert (mesh / FUNCTION).read_text() == "mine"
    code, printed = headgate("upgrade", "--yes", "--json")
    assert [each["path"] for each in json.loads(printed)["edited"]] == ["functions/alerts.py", FUNCTION]

    code, printed = headgate("upgrade", "--yes", "--keep", FUNCTION, "--overwrite")
    assert code == 0, printed
    assert (mesh / FUNCTION).read_text() == "mine"
    assert (mesh / "functions/alerts.py").read_bytes() == (ROOT / "functions/alerts.py").read_bytes()
    assert headgate("validate")[0] == 0, "it is kept on purpose"
    assert headgate("upgrade")[1].startswith("Nothing to do")


@pytest.mark.slow
def test_a_file_that_is_kept_is_asked_about_again_when_headgates_own_has_changed(
    mesh: Path, headgate: Headgate
) -> None:
    (mesh / FUNCTION).write_text("mine")
    assert headgate("upgrade", "--yes", "--keep", FUNCTION)[0] == 0
    then = described(mesh)
    Manifest("0.1.0", 1, then.files | {FUNCTION: digest(b"what Headgate had then")}, then.kept).write(mesh)

    code, printed = headgate("upgrade", "--yes")
    assert (code, "Headgate's own have changed since" in printed) == (3, True)
    assert headgate("upgrade", "--yes", "--keep", FUNCTION)[0] == 0
    assert (mesh / FUNCTION).read_text() == "mine"
    Manifest("0.1.0", 1, then.files | {FUNCTION: digest(b"what Headgate had then")}, then.kept).write(mesh)
    assert headgate("upgrade", "--yes", "--overwrite")[0] == 0
    assert (mesh / FUNCTION).read_bytes() == (ROOT / FUNCTION).read_bytes()
    assert described(mesh).kept == frozenset()


@pytest.mark.parametrize(
    ("path", "message"),
    [("functions/none.py", "no such file in the project"), (FUNCTION, "the file is as Headgate brought it")],
)
def test_only_a_change_can_be_kept(mesh: Path, headgate: Headgate, path: str, message: str) -> None:
    code, printed = headgate("upgrade", "--keep", path)
    assert (code, message in printed) == (2, True), printed


@pytest.mark.slow
def test_an_upgrade_that_was_interrupted_goes_on(
    mesh: Path, headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_of_before(mesh, {FUNCTION: "old", "functions/alerts.py": "old", "functions/gone.py": "old"})
    write = begin.write
    written: list[Path] = []

    def once(path: Path, content: bytes) -> None:
        if written:
            raise OSError(28, "No space left on device", str(path))
        written.append(path)
        write(path, content)

    with monkeypatch.context() as broken:
        broken.setattr(begin, "write", once)
        code, printed = headgate("upgrade", "--yes")
    assert (code, "No space left on device" in printed) == (2, True), printed
    assert described(mesh).version == "0.1.0"
    assert headgate("upgrade", "--yes")[0] == 0
    assert described(mesh).edits(mesh) == []
    assert not (mesh / "functions/gone.py").exists()


def test_a_project_of_a_newer_version_is_not_taken_back(mesh: Path, headgate: Headgate) -> None:
    now = described(mesh)
    Manifest("10.0.1", now.metadata, now.files).write(mesh)
    code, printed = headgate("upgrade", "--yes")
    assert (code, "newer than the installed" in printed, "headgate[local]==10.0.1" in printed) == (2, True, True)
    assert described(mesh).version == "10.0.1"


def test_what_a_crash_left_of_a_file_is_no_edit(
    mesh: Path, headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(
            Path, "replace", lambda self, target: (_ for _ in ()).throw(OSError(5, "I/O error", str(target)))
        )
        with pytest.raises(OSError, match="I/O error"):
            begin.write(mesh / FUNCTION, b"half")
    assert described(mesh).edits(mesh) == []


def test_a_clone_becomes_a_project(
    tmp_path: Path, headgate: Headgate, monkeypatch: pytest.MonkeyPatch, mesh: Path
) -> None:
    (mesh / manifest.NAME).unlink()
    (mesh / FUNCTION).write_text("of an older version")
    (mesh / "functions/gone.py").write_text("of an older version")
    code, printed = headgate("upgrade")
    assert (code, "`headgate upgrade --adopt` makes it a project" in printed) == (2, True)
    assert headgate("upgrade", "--adopt", "--yes")[0] == 0
    assert described(mesh).edits(mesh) == []
    assert not (mesh / "functions/gone.py").exists()
    assert headgate("upgrade", "--adopt")[0] == 2


@pytest.mark.slow
def test_metadata_of_older_versions_is_migrated_with_its_difference(
    mesh: Path, headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration is a function of a text: comments stay, and the machines are those of the metadata as it will be."""
    renamed = Migration(2, "`max_wait` is `deadline` now", lambda path, text: text.replace("max_wait:", "deadline:"))
    product = mesh / "products/sales/revenue/product.yaml"
    now = product.read_text()
    product.write_text(now.replace("deadline:", "max_wait:"))
    known = (*migrations.MIGRATIONS, renamed)
    monkeypatch.setattr(migrations, "CURRENT", 2)
    monkeypatch.setattr(upgrading, "planned", partial(upgrading.planned, known=known))

    code, printed = headgate("upgrade", "--dry-run")
    assert code == 0, printed
    assert "metadata     `max_wait` is `deadline` now" in printed
    assert "-wait: {max_wait: 6h}\n+wait: {deadline: 6h}\n" in printed
    assert "machines     none changes" in printed
    assert headgate("upgrade", "--yes")[0] == 0
    assert product.read_text() == now
    assert (described(mesh).metadata, headgate("upgrade")[1][:13]) == (2, "Nothing to do")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('x = "Mode=single GlueJobNames=a,b Commit=1"', 'x = "Mode=single Commit=1"'),
        ("x = \"Mode=single GlueJobNames='a, b'\"", 'x = "Mode=single"'),
        (r'x = "Mode=single GlueJobNames=\"a, b\" A=1"', 'x = "Mode=single A=1"'),
        ('x = ["Mode=single", "GlueJobNames=a,b"]', 'x = ["Mode=single"]'),
        ('x = "Mode=single"', 'x = "Mode=single"'),
    ],
)
def test_a_parameter_that_is_gone_is_taken_out_of_samconfig(before: str, after: str) -> None:
    (first,) = migrations.MIGRATIONS
    assert first.rewrite("samconfig.toml", before) == after
    assert first.rewrite("products/d1/ds1.yaml", before) == before


def test_commands_outside_a_project_say_so(
    tmp_path: Path, headgate: Headgate, monkeypatch: pytest.MonkeyPatch, project: Callable[[str], Path]
) -> None:
    project("")
    code, printed = headgate("upgrade")
    assert (code, "has no template.yaml and functions/" in printed) == (2, True)
