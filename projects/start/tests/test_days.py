"""Plays every day of this folder on the local runtime: `python -m unittest discover tests`, or pytest."""

import shutil
import subprocess
import sys
import unittest
from pathlib import Path

PROJECT = Path(__file__).parent.parent
BESIDE = Path(sys.executable).with_name("headgate")
HEADGATE = str(BESIDE) if BESIDE.exists() else shutil.which("headgate") or "headgate"


class Days(unittest.TestCase):
    def test_every_day_ends_as_it_expects(self) -> None:
        for day in sorted((PROJECT / "tests").glob("*.yaml")):
            with self.subTest(day=day.name):
                done = subprocess.run(
                    [HEADGATE, "run", str(day.relative_to(PROJECT)), "--quiet"],
                    cwd=PROJECT,
                    capture_output=True,
                    text=True,
                )
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
