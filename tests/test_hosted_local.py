"""The hosted board as it is deployed: nested in the stack on the local runtime, behind its HTTP API, with a person who signs in in a real browser."""

import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright")

from headgate.local import runtime
from headgate.local.runtime import Runtime
from headgate.local.stack import Places
from tests.browser import needs_chromium, started, texts
from tests.local_application import ROOT, needs_sam
from tests.oidc_provider import AUDIENCE, CLIENT, Provider, served
from tests.state_world import in_soak

pytestmark = [in_soak, needs_sam, needs_chromium, pytest.mark.slow]
PEOPLE: dict[str, dict[str, Any]] = {
    "Ann": {"scope": "openid headgate/read headgate/operate"},
    "Ben": {"scope": "openid"},
}
SECONDS = 60  # at most until the first snapshot


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider(PEOPLE)
    with served(made.app()) as issuer:
        made.issuer = issuer
        yield made


@pytest.fixture
def running(provider: Provider, tmp_path: Path) -> Iterator[Runtime]:
    """The application with its board. The one change: the template takes an issuer of this machine, which has no certificate."""
    project = tmp_path / "project"
    project.mkdir()
    for name in ("samconfig.toml", "functions", "board", "products", "events", "statemachines"):
        (project / name).symlink_to(ROOT / name)
    template = (ROOT / "template.yaml").read_text("utf-8")
    assert r"^(https://[^\s?#]+)?$" in template
    (project / "template.yaml").write_text(
        template.replace(r"^(https://[^\s?#]+)?$", r"^(https?://[^\s?#]+)?$"), "utf-8"
    )
    parameters = {"BoardIssuer": provider.issuer, "BoardClientId": CLIENT, "BoardAudience": AUDIENCE}
    with runtime.running(Places(project, ROOT / "statemachines", tmp_path / "runtime")) as found:
        found.deploy(lambda line: None, parameters)
        yield found
    shutil.rmtree(tmp_path / "runtime", ignore_errors=True)


def address(running: Runtime) -> str:
    """Of the page on this machine; the output has that of AWS."""
    api = running.outputs["BoardAddress"].split("//")[1].split(".")[0]
    return f"http://{api}.execute-api.localhost:{running.url.rsplit(':', 1)[1]}"


def answered(url: str, api: str, token: str | None = None) -> int:
    """The status of an answer to a program, which names the API by its host."""
    headers = {"host": api.split("//")[1], **({"authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def snapshot_written(running: Runtime) -> list[str]:
    """The keys in the bucket once the queue and the function have done their work."""
    bucket, objects = running.outputs["BoardBucket"], running.client("s3")
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        keys = [each["Key"] for each in objects.list_objects_v2(Bucket=bucket).get("Contents", ())]
        if any(each.startswith("heads/") for each in keys):
            return keys
        time.sleep(1)
    raise AssertionError(f"no snapshot was written within {SECONDS} seconds: {keys}")


def test_somebody_signs_in_at_the_deployed_board_and_reads_a_page(running: Runtime, provider: Provider) -> None:
    product = next(
        name
        for name in json.loads((ROOT / "statemachines/catalog/catalog.json").read_text("utf-8"))["products"]
        if name.startswith("d1/")
    )
    running.call("OperateFunctionName", {"action": "hold", "product": product, "actor": "ann"})
    assert {each.split("/")[0] for each in snapshot_written(running)} == {"heads", "snapshots"}
    page_address = address(running)
    status = f"{running.url}/api/status"
    assert answered(f"{running.url}/config", page_address) == 200
    assert answered(status, page_address) == 401
    assert answered(status, page_address, provider.token("Ben")) == 403, "without the scope of the route"
    assert answered(status, page_address, provider.token("Ann", aud="another")) == 401
    assert answered(status, page_address, provider.token("Ann")) == 200
    with started() as browser:
        context = browser.new_context(timezone_id="UTC", locale="en-GB")
        page = context.new_page()
        page.goto(f"{page_address}/#/catalog")
        page.get_by_role("link", name="Ann").click()
        page.wait_for_selector("tbody tr")
        assert page.title() == "Catalog · Headgate"
        page.goto(f"{page_address}/#/product/{product}")
        page.wait_for_selector(".lead")
        assert "held" in texts(page, ".lead")[0]
        page.goto(f"{page_address}/#/health")
        page.wait_for_selector("#snapshots")
        assert texts(page, "section:has(#snapshots) tbody td:last-child") == ["as it should be"]
        context.close()
