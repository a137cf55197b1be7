"""Runs `sam build` and `sam deploy`."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headgate.deployment import sam_environment
from headgate.deployment.template_text import as_json


class SamError(RuntimeError):
    """`sam` failed, or is not installed; the message is for the user."""


def found() -> str | None:
    """The `sam` command of the environment .venv-sam beside this one, else the one on the PATH, else that of `sam_environment`."""
    beside = Path(sys.prefix).parent / ".venv-sam" / "bin" / "sam"
    if beside.exists():
        return str(beside)
    made = sam_environment.command()
    return shutil.which("sam") or (str(made) if made else None)


def sam() -> str:
    """The `sam` command that is used. Raises `SamError`."""
    command = found()
    if command is None:
        raise SamError(
            "aws-sam-cli is not installed: `headgate doctor --install` makes an environment for it, or put a `sam` of your own on the PATH"
        )
    return command


@dataclass(frozen=True)
class Sam:
    """How `sam` is run: in a folder, with these environment variables, its output appended to `log`, and `options` for every deployment.
    `before` runs in the new process, and a command that takes more than `seconds` has failed."""

    folder: Path
    environment: Mapping[str, str]
    log: Path
    options: Sequence[str] = ()
    before: Callable[[], None] | None = None
    seconds: float | None = None

    def build(self, template: Path, into: Path) -> None:
        """The templates in the folder are JSON, for `sam deploy` to read faster. Raises `SamError`."""
        self._run("build", "--build-dir", str(into), "--template-file", str(template))
        for built in _templates(into):
            built.write_text(as_json(built), "utf-8")

    def deploy(self, built: Path, stack: str, parameters: Mapping[str, str]) -> None:
        """Creates or updates the stack from what was built into the folder. Raises `SamError`."""
        overrides = [f'{name}="{value}"' for name, value in parameters.items()]
        self._run(
            "deploy", "--template-file", str(built / "template.yaml"), "--stack-name", stack,
            "--capabilities", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND",
            "--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar", *self.options,
            *(["--parameter-overrides", *overrides] if overrides else []),
        )  # fmt: skip

    def _run(self, *arguments: str) -> None:
        variables = {"SAM_CLI_TELEMETRY": "0", "PYTHONDONTWRITEBYTECODE": "1", **self.environment}
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as output:
            done = subprocess.run(
                [sam(), *arguments], cwd=self.folder, env=variables, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, timeout=self.seconds, check=False, preexec_fn=self.before,
            )  # fmt: skip
        if done.returncode:
            lines = self.log.read_text(errors="replace").splitlines()[-30:]
            raise SamError(f"sam {arguments[0]} failed:\n" + "\n".join(lines))


def _templates(built: Path) -> Iterator[Path]:
    """That of the folder and those of the applications nested in it."""
    if (template := built / "template.yaml").exists():
        yield template
        for each in built.iterdir():
            if each.is_dir():
                yield from _templates(each)
