"""`headgate generate` beside the floor: reading the same YAML and writing the same bytes.

    python benchmarks/generate_10000.py [PRODUCTS] [ROUNDS]

Two meshes: PRODUCTS (10,000) of about 25 lines, and two fifths as many small ones of about 10 lines, as a real mesh has them.
Bars: from nothing at most twice the floor and under 600 MB; with nothing changed at most half of reading and parsing the YAML
alone, on both meshes; with one product changed at most 1.3 times that. Figures are medians of the ratios of runs side by
side, of wall time and of processor time.
"""

import json
import os
import random
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HEADGATE = Path(sys.executable).parent / "headgate"
# a switch that keeps Python from storing compiled modules would measure Python's compiler
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
FLOOR = """
import sys, time, yaml
from pathlib import Path
wall, processor = -time.perf_counter(), -time.process_time()
for path in sorted(Path("products").rglob("*.yaml")):
    yaml.load(path.read_bytes(), yaml.CSafeLoader)
wall += time.perf_counter()
processor += time.process_time()
if len(sys.argv) > 1:
    files = [(path, path.read_bytes()) for path in Path("statemachines").rglob("*") if path.is_file()]
    wall -= time.perf_counter()
    processor -= time.process_time()
    for path, data in files:
        target = Path(sys.argv[1]) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    wall += time.perf_counter()
    processor += time.process_time()
print(wall, processor)
"""


@dataclass
class Cost:
    """Seconds of one process."""

    wall: float
    processor: float


def domains(root: Path, name: str, size: int, count: int, settings: str) -> Iterator[tuple[int, str, Path]]:
    """Makes the folders of domains of `size` products; gives each product's number, domain and folder. `{}` in `name` and `settings` is the
    number of the domain."""
    for number in range(count):
        domain = name.format(number // size)
        folder = root / "products" / domain
        if number % size == 0:
            folder.mkdir(parents=True)
            (folder / "domain.yaml").write_text(settings.format(number // size))
        yield number, domain, folder


def make_large(root: Path, count: int) -> None:
    """`count` products in domains of 200, each waiting for up to six made before it; about 25 lines a file."""
    chance = random.Random(20261120)  # noqa: S311 - the same mesh every time
    made: list[str] = []
    settings = 'owner: team-domain-{0:03}\naccount: "{0:012}"\nregion: us-east-1\n'
    for number, domain, folder in domains(root, "domain-{:03}", 200, count, settings):
        upstream = sorted(set(chance.choices(made[-2000:], k=chance.randint(1, 6)))) if made else []
        waits = "".join(f"    - {each}\n" for each in upstream[:-1])
        waits += f"    - {{product: {upstream[-1]}, status: [COMPLETED], offset: 0}}\n" if upstream else ""
        (folder / f"product-{number:05}.yaml").write_text(
            f"description: Product {number} of the benchmark, with a sentence about what it holds\n"
            f"owner: team-{number % 37}\n"
            f'schedule:\n  frequency: daily\n  time: "0{chance.randint(0, 5)}:00"\n  timezone: America/Chicago\n'
            + (f"depends_on:\n  all_of:\n{waits}" if waits else "")
            + f"wait:\n  deadline: {chance.choice(['8h', '10h', '12h'])}\n  on_deadline: {chance.choice(['fail', 'skip', 'start'])}\n"
            "pipeline:\n  steps:\n"
            f"    - name: build\n      glue:\n        job: {domain}-{number}-build\n"
            '        arguments: {"--mode": full, "--date": "{business_date}"}\n        timeout: 60m\n'
            "      retry: {attempts: 2, interval: 60s, backoff: 2, max_delay: 10m}\n"
            "publish: {refresh_event: true, visibility: mesh}\n"
            'notify:\n  - on: [ERROR]\n    slack: ["#alerts"]\n'
        )
        made.append(f"{domain}/product-{number:05}")


def make_small(root: Path, count: int) -> None:
    """`count` products in domains of 12, most of them with an upstream or two and a schedule of their domain's kind."""
    chance = random.Random(20261121)  # noqa: S311 - the same mesh every time
    made: list[str] = []
    settings = 'owner: data-platform\naccount: "111122223333"\nregion: us-east-1\n'
    for number, domain, folder in domains(root, "domain-{:03}-derived", 12, count, settings):
        upstream = sorted(set(chance.choices(made[-800:], k=chance.choice([0, 0, 1, 1, 2, 4])))) if made else []
        waits = "depends_on:\n  all_of:\n" + "".join(f"  - {each}\n" for each in upstream) if upstream else ""
        (folder / f"table-{number}-v1.yaml").write_text(
            f"description: project.dataset_{number // 12}.table_{number}_v1\nowner: owner-{number % 97:08x}\n"
            + (waits if upstream else "schedule:\n  frequency: daily\n  time: 06:00\n")
            + f"pipeline:\n  steps:\n  - name: build\n    glue:\n      job: {domain}-{number}\n"
            "      arguments:\n        --business_date: '{business_date}'\n"
        )
        made.append(f"{domain}/table-{number}-v1")


def floor(root: Path, *arguments: str) -> Cost:
    command = [sys.executable, "-c", FLOOR, *arguments]
    done = subprocess.run(command, cwd=root, env=ENVIRONMENT, check=True, capture_output=True, text=True)
    return Cost(*map(float, done.stdout.split()))


def generate(root: Path) -> Cost:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([HEADGATE, "generate"], cwd=root, env=ENVIRONMENT, check=True, capture_output=True)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def measure(
    rounds: int, prepare: Callable[[int], None], ours: Callable[[], Cost], beside: Callable[[], Cost]
) -> dict[str, float]:
    walls, processors = [], []
    for number in range(rounds):
        prepare(number)
        base, cost = beside(), ours()
        walls.append(cost.wall / base.wall)
        processors.append(cost.processor / base.processor)
        print(f"    floor {base}, {cost}", file=sys.stderr)
    return {"wall": round(statistics.median(walls), 2), "processor": round(statistics.median(processors), 2)}


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory() as folder:
        large, small = Path(folder) / "large", Path(folder) / "small"
        make_large(large, count)
        make_small(small, 2 * count // 5)
        for root in (large, small):
            generate(root)
            generate(root)

        def from_nothing(_: int) -> None:
            shutil.rmtree(large / "floor", ignore_errors=True)

        def fresh() -> Cost:
            shutil.rmtree(large / "statemachines")
            shutil.rmtree(large / ".headgate")
            return generate(large)

        def change(number: int) -> None:
            path = large / "products/domain-000/product-00007.yaml"
            text, changed = re.subn(r"timeout: \d+m", f"timeout: {61 + number}m", path.read_text())
            assert changed == 1
            path.write_text(text)

        def nothing(_: int) -> None:
            time.sleep(0.1)

        scratch = str(large / "floor")
        results: dict[str, object] = {
            "nothing changed / parse": measure(2 * rounds, nothing, lambda: generate(large), lambda: floor(large)),
            "nothing changed, small files / parse": measure(
                2 * rounds, nothing, lambda: generate(small), lambda: floor(small)
            ),
            "one product changed / parse": measure(rounds, change, lambda: generate(large), lambda: floor(large)),
            "from nothing / (parse + write)": measure(rounds, from_nothing, fresh, lambda: floor(large, scratch)),
            "peak MB": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
        }
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
