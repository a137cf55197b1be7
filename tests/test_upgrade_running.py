"""An upgrade from the release before as a user does it, with an application that runs and its data: no run is lost, none is doubled, and what has ended
stays as it was."""

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headgate.local import presence, snapshot
from headgate.local.player import Day
from headgate.local.provisioning import provision
from headgate.local.stack import Places
from tests import earlier_release
from tests.earlier_release import headgate_of
from tests.golden import lay_out
from tests.headgate_command import mentioning, output_of
from tests.local_application import CATALOG, ROOT, Application, deploy, needs_sam, snapshots, whole_sample
from tests.state_world import in_soak

pytestmark = [pytest.mark.slow, needs_sam, in_soak]
DATE = (date.today() - timedelta(days=1)).isoformat()  # noqa: DTZ011 - the clock of the application is the machine's own
BUCKET = "acme-landing-000000000000"
PROJECT = """
--- shop/domain.yaml
owner: shop-team
account: "111122223333"
region: us-east-1
--- shop/buckets.yaml
landing: {name: "acme-landing-{account}", create: true}
--- shop/orders.yaml
description: Orders, made elsewhere
--- shop/prices.yaml
description: Prices, made elsewhere
--- shop/done.yaml
description: Has ended
depends_on: {all_of: [shop/orders]}
pipeline: {steps: [{name: build, glue: {job: shop-done}}]}
--- shop/broken.yaml
description: Has failed
depends_on: {all_of: [shop/orders]}
pipeline: {steps: [{name: build, glue: {job: shop-broken}}]}
--- shop/busy.yaml
description: Its job runs
depends_on: {all_of: [shop/orders]}
pipeline: {steps: [{name: build, glue: {job: shop-busy}}]}
--- shop/held.yaml
description: Is held
depends_on: {all_of: [shop/orders]}
pipeline: {steps: [{name: build, glue: {job: shop-held}}]}
--- shop/waiting.yaml
description: Has one input of two
depends_on: {all_of: [shop/orders, shop/prices]}
pipeline: {steps: [{name: build, glue: {job: shop-waiting}}]}
--- shop/after.yaml
description: Waits for a run of before the upgrade and for one of after it
depends_on: {all_of: [shop/done, shop/waiting, shop/busy]}
pipeline: {steps: [{name: build, glue: {job: shop-after}}]}
--- shop/parts.yaml
description: Has one file of two
files:
  bucket: landing
  prefix: in/
  pattern: 'part_(?P<date>\\d{8})_(?P<number>\\d+)\\.csv'
  date: {group: date}
  complete: {count: 2, settle: 5s}
pipeline: {steps: [{name: load, glue: {job: shop-parts, batches: {max_files: 1, parallel: 2}}}]}
"""
SCRIPT = """
import sys, time
from pathlib import Path
name, flags = Path(sys.argv[0]).stem, Path({flags!r})
with open(flags / "launches", "a") as launches:
    print(name, file=launches)
while (flags / f"{{name}}.runs-on").exists():
    time.sleep(0.1)
if (flags / f"{{name}}.fails").exists():
    sys.exit("no space left")
"""
OPEN = {
    "shop/busy": "PROCESSING",
    "shop/held": "WAITING",
    "shop/waiting": "WAITING",
    "shop/parts": "WAITING",
    "shop/after": "WAITING",
}
ENDED = {"shop/done": "COMPLETED", "shop/broken": "ERROR"}
PIPELINES = OPEN | ENDED


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release before."""
    return earlier_release.unpacked(tmp_path_factory.mktemp("before"))


def until(found: Callable[[], Any], wanted: Any) -> None:
    deadline = time.monotonic() + 120
    while (last := found()) != wanted:
        assert time.monotonic() < deadline, last
        time.sleep(0.3)


def lay_out_project(folder: Path, before: Path) -> Path:
    """A project of the release before."""
    for name in ("functions", "board", "events", "steps"):
        shutil.copytree(before / name, folder / name, symlinks=True)
    for name in ("template.yaml", "samconfig.toml"):
        shutil.copy2(before / name, folder / name)
    lay_out(PROJECT, folder / "products")
    return folder


def scripts(folder: Path, flags: Path) -> Path:
    for each in PIPELINES:
        if each != "shop/parts":  # its job has no script and says of each file that it is loaded
            (folder / f"{each.replace('/', '-')}.py").write_text(SCRIPT.format(flags=str(flags)))
    return folder


def runs(answer: str) -> dict[str, dict[str, Any]]:
    """The runs of the date by product, of what `headgate status --json` printed."""
    return {each["product"]: each for each in json.loads(answer)["products"] if each["product"] in PIPELINES}


def statuses(answer: str) -> dict[str, str]:
    return {product: each.get("status", "") for product, each in runs(answer).items()}


def land(folder: Path, number: int) -> None:
    """A file lands in the bucket of the running application."""
    import boto3

    known = presence.look(folder / ".headgate" / "local").known
    assert known is not None
    key = f"in/part_{DATE.replace('-', '')}_{number}.csv"
    boto3.client("s3", **known["options"]).put_object(Bucket=BUCKET, Key=key, Body=b"a,b")


@pytest.mark.parametrize("stopped_by", ["the new release", "the release before"])
def test_the_rest_of_the_day_happens_on_the_new_release(before: Path, tmp_path: Path, stopped_by: str) -> None:
    (tmp_path / "flags").mkdir()
    (tmp_path / "scripts").mkdir()
    (tmp_path / "project").mkdir()
    flags, folder = tmp_path / "flags", lay_out_project(tmp_path / "project", before)
    start = ("up", "--no-browser", "--jobs", str(scripts(tmp_path / "scripts", flags)))
    status = ("status", "--date", DATE, "--json")
    (flags / "shop-busy.runs-on").touch()
    (flags / "shop-broken.fails").touch()

    headgate_of(before, *start, folder=folder)
    try:
        headgate_of(before, "hold", "shop/held", folder=folder)
        headgate_of(before, "event", "shop/orders", "--date", DATE, folder=folder)
        land(folder, 1)
        until(lambda: statuses(headgate_of(before, *status, folder=folder)), PIPELINES)
        ended = {product: runs(headgate_of(before, *status, folder=folder))[product] for product in ENDED}

        if stopped_by == "the release before":
            headgate_of(before, "down", folder=folder)
        output_of(folder, "upgrade", "--adopt", "--yes")
        output_of(folder, "down")
        output_of(folder, *start)

        until(lambda: statuses(output_of(folder, *status)), PIPELINES)
        found = runs(output_of(folder, *status))
        same = ("status", "attempt", "opened_at", "released_at", "finished_at", "error")
        for product, was in ended.items():
            assert {key: found[product].get(key) for key in same} == {key: was.get(key) for key in same}

        for flag in ("shop-busy.runs-on", "shop-broken.fails"):
            (flags / flag).unlink()
        output_of(folder, "event", "shop/prices", "--date", DATE)
        output_of(folder, "release", "shop/held")
        output_of(folder, "rerun", "shop/broken", "--date", DATE)
        land(folder, 2)
        until(lambda: statuses(output_of(folder, *status)), dict.fromkeys(PIPELINES, "COMPLETED"))

        found = runs(output_of(folder, *status))
        twice = {"shop/broken", "shop/busy"}  # the job of shop/busy ended with the application
        assert {product: each["attempt"] for product, each in found.items()} == {
            product: 2 if product in twice else 1 for product in PIPELINES
        }
        launched = Counter((flags / "launches").read_text().split())
        assert launched == {
            product.replace("/", "-"): 2 if product in twice else 1 for product in PIPELINES if product != "shop/parts"
        }
        entries = json.loads(output_of(folder, "history", "--date", DATE, "--json"))["entries"]
        completed = Counter(
            each["product"] for each in entries if each["kind"] == "run" and each.get("status") == "COMPLETED"
        )
        assert completed == dict.fromkeys(PIPELINES, 1), "each run ends once"
        output_of(folder, "dead-letters", "list")  # which fails where there are any
    finally:
        output_of(folder, "down")
    until(lambda: mentioning(str(folder)), [])


def facts(day: Day) -> dict[str, Any]:
    """What may not depend on a deployment: how each run ended, which jobs it launched, and what could not be processed."""
    return {
        "runs": {
            each["product"]: (each["status"], each.get("attempt"), bool(each.get("late"))) for each in day.products
        },
        "launches": Counter(each["product"] for each in day.entries if each["kind"] == "job started"),
        "ends": Counter((each["product"], each.get("status")) for each in day.entries if each["kind"] == "run"),
        "dead letters": day.dead_letters,
        "problems": day.problems,
    }


def played(release: Path, folder: Path, upgrade_at: str = "") -> Day:
    """The sample day, deployed by that release; at the first quiet moment from then on this one is deployed over it, in place, as on AWS."""
    day = whole_sample("stifel")
    places = Places(release, release / "statemachines", folder)
    with snapshot.running(places, snapshots(), day.starts, deploy) as running:
        catalog = json.loads((release / "statemachines" / "catalog" / "catalog.json").read_bytes())
        provision(running, catalog, day.jobs, folder / "data")
        upgraded = False

        def meanwhile(now: datetime) -> None:
            nonlocal upgraded
            if upgrade_at and not upgraded and f"{now:%H:%M}" >= upgrade_at:
                upgraded = True
                running.places = Places(ROOT, ROOT / "statemachines", folder)
                deploy(running)
                provision(running, CATALOG, day.jobs, folder / "data")

        result = Application(running, folder / "data").play(day, meanwhile)
        assert upgraded == bool(upgrade_at)
        return result


def test_a_deployment_in_the_middle_of_a_day_changes_none_of_its_runs(before: Path, tmp_path: Path) -> None:
    """While runs wait, while jobs and waves of files run, while a corrected file is loaded, and while a run is late."""
    undisturbed = facts(played(before, tmp_path / "undisturbed"))
    assert undisturbed["problems"] == []
    for moment in ("00:20", "01:10", "02:25", "03:10", "05:20", "06:06", "06:46", "07:41"):
        found = facts(played(before, tmp_path / moment.replace(":", ""), moment))
        assert found == undisturbed, moment
