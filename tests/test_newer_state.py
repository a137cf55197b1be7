"""An older version of the project does not touch a state that a newer one has written."""

from pathlib import Path

import pytest

from headgate.local import postgres
from headgate.local.newer_state import require_known_migrations
from headgate.local.stack import StartError
from tests.local_application import ROOT
from tests.state_world import World


def test_the_state_of_this_version_is_accepted(world: World) -> None:
    require_known_migrations(world.dsn, ROOT)


def test_an_empty_state_is_accepted(tmp_path: Path) -> None:
    with postgres.running() as server:
        require_known_migrations(server.dsn(), tmp_path)


def test_a_newer_state_is_left_alone_and_the_ways_out_are_named(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "functions" / "state" / "migrations"
    folder.mkdir(parents=True)
    for path in sorted((ROOT / "functions" / "state" / "migrations").glob("*.sql"))[:-1]:
        (folder / path.name).write_text("")
    newest = sorted((ROOT / "functions" / "state" / "migrations").glob("*.sql"))[-1].name
    with pytest.raises(StartError) as refused:
        require_known_migrations(world.dsn, tmp_path)
    assert newest in str(refused.value)
    assert "`headgate up --fresh`" in str(refused.value)
    assert "keeps it" in str(refused.value)
