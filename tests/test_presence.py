"""What the folder of a local application says of it: it runs, it is being started, it was killed, it ended with a reason."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from headgate.local import presence
from headgate.local.presence import KILLED, AlreadyRunningError, Presence, held, look
from tests.local_application import ROOT

HOLD = """
import sys, time
from pathlib import Path
from headgate.local.presence import held
with held(Path(sys.argv[1])) as mine:
    mine.publish({"outputs": {}})
    print("held", flush=True)
    time.sleep(600)
"""


def test_nothing_was_ever_started(tmp_path: Path) -> None:
    assert look(tmp_path) == look(tmp_path / "none") == Presence()


def test_from_start_to_stop(tmp_path: Path) -> None:
    with held(tmp_path) as mine:
        assert look(tmp_path) == Presence(os.getpid()), "it is being started"
        mine.publish({"outputs": {"a": "b"}})
        assert look(tmp_path) == Presence(os.getpid(), {"process": os.getpid(), "outputs": {"a": "b"}})
        assert (tmp_path / "runtime.json").stat().st_mode & 0o777 == 0o600, "it has a password in it"
        mine.withdraw()
        assert look(tmp_path) == Presence(os.getpid())
    assert look(tmp_path) == Presence()


def test_an_end_by_itself_has_its_reason_until_the_next_start(tmp_path: Path) -> None:
    with held(tmp_path) as mine:
        mine.end("sam deploy failed")
    assert look(tmp_path) == Presence(reason="sam deploy failed")
    with held(tmp_path):
        pass
    assert look(tmp_path) == Presence()


def test_one_that_was_killed_does_not_count_as_running(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    with holder.stdout as output:
        assert output.readline() == "held\n"
        assert look(tmp_path).process == holder.pid
        with pytest.raises(AlreadyRunningError), held(tmp_path):
            pass
        assert look(tmp_path).known is not None, "who was refused changed nothing"
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert look(tmp_path) == Presence(reason=KILLED)
    (tmp_path / "lock").write_text(str(os.getpid()))  # another process has got the same id
    assert look(tmp_path) == Presence(reason=KILLED)
    with held(tmp_path):
        assert look(tmp_path) == Presence(os.getpid()), "it has not published anything yet"


def test_a_command_that_looks_keeps_nobody_from_starting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands hold a shared lock for a moment."""
    looking = subprocess.Popen(["flock", "--shared", str(tmp_path / "lock"), "sleep", "0.3"])
    while not (tmp_path / "lock").exists():
        pass
    with held(tmp_path):
        assert look(tmp_path).process == os.getpid()
    looking.wait()


@pytest.mark.parametrize("replaced", [False, True])
def test_a_deleted_folder_is_noticed_and_another_one_in_its_place_left_alone(tmp_path: Path, replaced: bool) -> None:
    folder = tmp_path / "local"
    folder.mkdir()
    with held(folder) as mine:
        assert not mine.is_lost
        shutil.rmtree(folder)
        if replaced:
            folder.mkdir()
            with held(folder) as other:
                other.publish({})
                assert mine.is_lost
                mine.withdraw()
                mine.end("nothing")
                assert look(folder).known == json.loads((folder / presence.KNOWN).read_text())
        assert mine.is_lost
        mine.end("nothing")
    assert folder.exists() == replaced
