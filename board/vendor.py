"""Copies libraries of pages from their packages, as a vendor.json pins them: `python -m headgate.board.vendor PINS FOLDER`, with npm.

Each file is taken as it is published. The package must have the digest that stands beside its version, and the folder carries its licence.
"""

import base64
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent
PINS = FOLDER / "vendor.json"
VENDOR = FOLDER / "page" / "vendor"


def digest(body: bytes) -> str:
    """As npm and browsers write it: `sha512-...`."""
    return "sha512-" + base64.b64encode(hashlib.sha512(body).digest()).decode()


def main(listed: Path, target: Path) -> int:
    pins = json.loads(listed.read_text("utf-8"))
    target.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for pin in pins:
            named = f"{pin['name']}@{pin['version']}"
            packed = subprocess.run(["npm", "pack", named, "--silent"], cwd=folder, check=True, capture_output=True, text=True)  # fmt: skip
            archive = Path(folder, packed.stdout.strip())
            if digest(archive.read_bytes()) != pin["package"]:
                sys.exit(f"{named} is not the package of {listed}: {digest(archive.read_bytes())}")
            with tarfile.open(archive) as package:
                for source, file in ((pin["source"], pin["file"]), ("LICENSE", f"{pin['file']}.license")):
                    found = package.extractfile(f"package/{source}")
                    assert found is not None, f"{named} has {source}"
                    (target / file).write_bytes(found.read())
            print(f"{named}: {pin['file']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
