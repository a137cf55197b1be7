"""`headgate generate` on 10,000 products, beside the floor: reading the same YAML and writing the same bytes.

    python benchmarks/generate_10000.py [PRODUCTS] [ROUNDS]

Bars: from nothing at most 3 times the floor and under 600 MB; with nothing changed, or one product changed, at most 1.3
times reading and parsing the YAML alone.
"""

import json
import random
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HEADGATE = Path(sys.executable).parent / "headgate"
FLOOR = """
import sys, time, yaml
from pathlib import Path
started = time.perf_counter()
for path in sorted(Path("products").rglob("*.yaml")):
    yaml.load(path.read_bytes(), yaml.CSafeLoader)
parsed = time.perf_counter()
if len(sys.argv) > 1:
    files = [(path, path.read_bytes()) for path in Path("statemachines").rglob("*") if path.is_file()]
    writing = time.perf_counter()
    for path, data in files:
        target = Path(sys.argv[1]) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    print(parsed - started + time.perf_counter() - writing)
else:
    print(parsed - started)
"""


def make(root: Path, count: int) -> None:
    """`count` products in domains of 200, each waiting for up to six made before it; about 25 lines a file."""
    chance = random.Random(20261120)  # noqa: S311 - the same mesh every time
    made: list[str] = []
    for number in range(count):
        domain = f"domain-{number // 200:03}"
        folder = root / "products" / domain
        if number % 200 == 0:
            folder.mkdir(parents=True)
            (folder / "domain.yaml").write_text(
                f'owner: team-{domain}\naccount: "{number // 200:012}"\nregion: us-east-1\n'
            )
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


def floor(root: Path, *arguments: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", FLOOR, *arguments], cwd=root, check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def generate(root: Path) -> float:
    started = time.perf_counter()
    subprocess.run([HEADGATE, "generate"], cwd=root, check=True, capture_output=True)
    return time.perf_counter() - started


def measure(
    rounds: int, prepare: Callable[[int], None], ours: Callable[[], float], beside: Callable[[], float]
) -> list[float]:
    ratios = []
    for number in range(rounds):
        prepare(number)
        base = beside()
        ratios.append(ours() / base)
        print(f"    floor {base:.2f} s, ratio {ratios[-1]:.2f}", file=sys.stderr)
    return ratios


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make(root, count)
        generate(root)

        def from_nothing(_: int) -> None:
            shutil.rmtree(root / "floor", ignore_errors=True)

        def fresh() -> float:
            shutil.rmtree(root / "statemachines")
            shutil.rmtree(root / ".headgate")
            return generate(root)

        def change(number: int) -> None:
            path = root / "products/domain-000/product-00007.yaml"
            text, changed = re.subn(r"timeout: \d+m", f"timeout: {61 + number}m", path.read_text())
            assert changed == 1
            path.write_text(text)

        scratch = str(root / "floor")
        results = {
            "from nothing / (parse + write)": measure(rounds, from_nothing, fresh, lambda: floor(root, scratch)),
            "nothing changed / parse": measure(rounds, lambda _: None, lambda: generate(root), lambda: floor(root)),
            "one product changed / parse": measure(rounds, change, lambda: generate(root), lambda: floor(root)),
        }
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(
        json.dumps(
            {name: round(statistics.median(each), 2) for name, each in results.items()} | {"peak MB": round(peak)},
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
