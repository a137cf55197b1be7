"""`headgate doctor`: what is there, what is missing, and how to get it."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from headgate.cli import account_diagnosis, diagnosis
from headgate.cli.diagnosis import State
from headgate.deployment import sam, sam_environment
from tests.conftest import Headgate
from tests.state_world import in_soak


def test_each_check_names_what_it_found_and_what_to_do(project: Callable[[str], Path], headgate: Headgate) -> None:
    project("")
    code, printed = headgate("doctor", "--no-aws", "--json")
    checks = {each["name"]: each for each in json.loads(printed)["checks"]}
    assert {
        "headgate",
        "project",
        "local runtime",
        "PostgreSQL",
        "aws-sam-cli",
        "ports",
        "disk",
        "git",
        "browser",
    } <= checks.keys()
    assert checks["PostgreSQL"]["found"].startswith("postgres (PostgreSQL) ")
    assert (checks["project"]["state"], "`headgate init FOLDER`" in checks["project"]["how"]) == ("optional", True)
    assert all(each["how"] for each in checks.values() if each["state"] == "missing")
    assert code == (1 if any(each["state"] == "missing" for each in checks.values()) else 0)


def test_what_is_needed_and_missing_fails(
    project: Callable[[str], Path], headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    project("")
    monkeypatch.setattr(sam, "found", lambda: None)
    monkeypatch.setattr(diagnosis, "find_spec", lambda name: None)
    code, printed = headgate("doctor", "--no-aws")
    rows = {line.split("  ")[0]: line for line in printed.splitlines()}
    assert code == 1
    assert "missing" in rows["aws-sam-cli"]
    assert "`headgate doctor --install`" in rows["aws-sam-cli"]
    assert rows["local runtime"].endswith("pip install 'headgate[local]'")
    assert "3 things missing" in printed


def test_without_credentials_the_account_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    class Session:
        region_name = ""

        def get_credentials(self) -> None:
            return None

    assert [each.state for each in account_diagnosis.of_account(Session(), [])] == [State.OPTIONAL]
    Session.region_name = "us-east-1"
    (check,) = account_diagnosis.of_account(Session(), [])
    assert (check.name, check.state) == ("credentials", State.OPTIONAL)


@mock_aws  # type: ignore[untyped-decorator]
def test_quotas_that_cannot_be_read_are_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """moto knows no values of these quotas: that is as an account without the permission."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    checks = list(account_diagnosis.of_account(boto3.Session(region_name="eu-west-1"), []))
    assert (checks[0].name, checks[0].state) == ("credentials", State.FINE)
    assert checks[0].found.endswith(" in eu-west-1")
    assert {each.state for each in checks[1:]} == {State.OPTIONAL}
    assert len(checks) == 1 + len(account_diagnosis.QUOTAS)


def test_a_quota_below_what_the_metadata_deploys_is_missing() -> None:
    class Quotas:
        def get_caller_identity(self) -> dict[str, str]:
            return {"Arn": "arn:aws:sts::111122223333:assumed-role/x/ann", "Account": "111122223333"}

        def get_service_quota(self, ServiceCode: str, QuotaCode: str) -> dict[str, Any]:  # noqa: N803
            return {"Quota": {"Value": {"lambda": 10.0, "cloudformation": 2000.0, "iam": 1000.0}[ServiceCode]}}

    class Session:
        region_name = "eu-west-1"
        regions: list[tuple[str, str]] = []

        def get_credentials(self) -> object:
            return self

        def get_partition_for_region(self, region: str) -> str:
            return "aws"

        def client(self, service: str, region_name: str, config: object) -> Quotas:
            self.regions.append((service, region_name))
            return Quotas()

    home = {"account": "111122223333", "roles": 1234, "nested_stacks": 3, "stacks": [{}]}
    other = {"account": "444455556666", "roles": 5000, "nested_stacks": 3, "stacks": [{}]}
    found = {each.name: each for each in account_diagnosis.of_account(Session(), [home, other])}
    assert found["quota: IAM roles"].found == "1,000 allowed, 1,234 needed"
    assert {name: each.state.value for name, each in found.items()} == {
        "credentials": "fine", "quota: functions at the same time": "missing", "quota: stacks": "fine", "quota: IAM roles": "missing",
    }  # fmt: skip
    assert ("service-quotas", "us-east-1") in Session.regions, "the quotas of IAM are kept there"


def package(folder: Path, name: str, version: str) -> None:
    """A wheel with a command `sam`."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as archive:
        archive.writestr("stand_in.py", "def main():\n    print('SAM CLI, version stand-in')\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/entry_points.txt", "[console_scripts]\nsam = stand_in:main\n")
        archive.writestr(f"{info}/RECORD", "")


@pytest.mark.slow
@in_soak
def test_the_environment_of_sam_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip itself makes it, from a folder in the place of the index."""
    (tmp_path / "index").mkdir()
    package(tmp_path / "index", "aws-sam-cli", sam_environment.VERSION)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nothing"))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "environment"))
    assert sam.found() is None
    said: list[str] = []
    with pytest.raises(sam_environment.InstallationError, match="could not be installed into"):
        sam_environment.install(said.append)
    assert sam.found() is None, "a half of it is not used"

    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    sam_environment.install(said.append)
    sam_environment.install(said.append)
    assert len(said) == 2
    command = sam.found()
    assert command == str(tmp_path / "cache/headgate" / f"aws-sam-cli-{sam_environment.VERSION}" / "bin/sam")
    assert subprocess.run([command], capture_output=True, text=True, check=True).stdout == "SAM CLI, version stand-in\n"
