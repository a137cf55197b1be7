"""The folder that a `headgate run` works in: a temporary one that is removed in any case, or one to keep."""

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from headgate.cli.errors import UsageError

PREFIX = "headgate-run-"


@contextlib.contextmanager
def run_folder(keep: Path | None) -> Iterator[Path]:
    """A temporary folder, or `keep`, which must be new or empty. Raises `UsageError`."""
    if keep is not None:
        if keep.exists() and any(keep.iterdir()):
            raise UsageError(f"--keep {keep}: the folder is not empty; name a new one")
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    _remove_abandoned()
    with (
        tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as folder,
        open(Path(folder, "lock"), "w") as lock,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Path(folder)


def _remove_abandoned() -> None:
    """Removes the folders of runs that were killed: nobody holds their locks."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError), open(folder / "lock", "r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
