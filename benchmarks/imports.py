"""Imports files of other projects, each alone and into an empty folder, and says what became of them.

benchmarks/imports.py dbt manifest.json ...        further arguments after `--`: -- --by model
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HEADGATE = str(Path(sys.executable).parent / "headgate")


def main() -> None:
    words = sys.argv[1:]
    source, rest = words[0], words[1:]
    split = rest.index("--") if "--" in rest else len(rest)
    total = {"products": 0, "pipelines": 0, "external": 0, "notes": 0, "refused": 0}
    for file in rest[:split]:
        found = tried(source, Path(file).absolute(), rest[split + 1 :])
        print(f"{Path(file).name:50} {found['line']}")
        for key in total:
            total[key] += found.get(key, 0)
    print(f"{'all':50} {total}")


def tried(source: str, file: Path, arguments: list[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        done = headgate(folder, "import", source, str(file), "--json", *arguments)
        try:
            report = json.loads(done.stdout)
        except ValueError:
            return {"line": f"exit code {done.returncode}: {done.stdout[-200:]}{done.stderr[-200:]}"}
        if done.returncode:
            return {"refused": 1, "line": f"refused: {report.get('error') or report['findings'][0]['found']}"}
        checked = headgate(folder, "validate", "--json")
        errors = [each for each in json.loads(checked.stdout)["findings"] if each["severity"] == "error"]
        pipelines = sum("\npipeline:" in path.read_text() for path in Path(folder, "products").rglob("*.yaml"))
        counts = {"products": len(report["products"]), "pipelines": pipelines, "external": len(report["external"]), "notes": len(report["notes"])}  # fmt: skip
        return {**counts, "line": f"{counts} validate: exit code {checked.returncode}, {len(errors)} errors"}


def headgate(folder: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [HEADGATE, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )


if __name__ == "__main__":
    main()
