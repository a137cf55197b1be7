"""From the last arrival to the launch of the job, on the local runtime, with few and with many runs waiting.

Real time from PutEvents on the central bus until Glue has the job run: bus, queue, function, PostgreSQL, token, machine. The
figures are of this machine; what counts is how they grow.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from headgate.local import player, runtime
from headgate.local.provisioning import provision
from headgate.local.runtime import Runtime
from headgate.local.stack import Places

ROOT = Path(__file__).parent.parent
DAY = datetime(2026, 11, 20, tzinfo=UTC)
PROBES = 15


def write_products(folder: Path, waiting: int) -> None:
    """`waiting` products whose runs open at six; fifteen of them get their input, the others never do."""
    for domain in ("raw", "d"):
        (folder / domain).mkdir(parents=True)
        (folder / domain / "domain.yaml").write_text("owner: bench\n")
    for number in range(PROBES + 1):
        (folder / "raw" / f"e{number}.yaml").write_text("description: input\n")
    for number in range(waiting):
        (folder / "d" / f"p{number}.yaml").write_text(
            f'description: product {number}\nschedule: {{frequency: daily, time: "06:00"}}\n'
            f"depends_on: {{all_of: [raw/e{min(number, PROBES)}]}}\n"
            f"pipeline: {{steps: [{{name: build, glue: {{job: d-p{number}}}}}]}}\n"
        )


def measure(waiting: int) -> list[float]:
    """Seconds from event to job run, a figure for each probe."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_products(folder / "products", waiting)
        headgate = str(Path(sys.executable).parent / "headgate")
        command = [headgate, "generate", "--products", str(folder / "products"), "--out", str(folder / "statemachines")]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with runtime.running(
            Places(ROOT, folder / "statemachines", folder / "run"), starts=DAY + timedelta(hours=5, minutes=55)
        ) as running:
            running.deploy(lambda words: None)
            catalog = {
                "products": {f"d/p{n}": {"pipeline": {"steps": [{"resource": f"d-p{n}"}]}} for n in range(PROBES)}
            }
            provision(running, catalog, None, folder)
            running.control.wait_until_idle(300)
            running.control.jump((DAY + timedelta(hours=6)).timestamp())
            running.control.wait_until_idle(300)
            return [probe(running, number) for number in range(PROBES)]


def probe(running: Runtime, number: int) -> float:
    detail = {"domain": "raw", "product": f"e{number}", "business_date": "2026-11-20", "status": "COMPLETED"}
    glue = running.client("glue")
    began = time.perf_counter()
    player.put_event(running, detail, datetime.now(UTC))
    while not glue.get_job_runs(JobName=f"d-p{number}")["JobRuns"]:
        time.sleep(0.002)
    taken = time.perf_counter() - began
    running.control.wait_until_idle()
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("waiting", type=int, nargs="*", default=[20, 200, 2000], help="how many runs wait")
    first: float | None = None
    for waiting in parser.parse_args().waiting:
        seconds = measure(waiting)[3:]  # the first ones warm the functions up
        median = statistics.median(seconds)
        first = first or median
        print(
            f"{waiting:5,} runs waiting: {1000 * median:5.0f} ms (worst {1000 * max(seconds):5.0f}), {median / first:4.2f} x the first",
            flush=True,
        )


if __name__ == "__main__":
    main()
