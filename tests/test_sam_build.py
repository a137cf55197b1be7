"""What `sam build` wrote, as `sam deploy` reads it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from headgate.deployment.sam import Sam

NESTED = {"Resources": {"Machine": {"Type": "AWS::Serverless::StateMachine", "Properties": {"Name": "täglich", "Version": "2012-10-17"}}}}  # fmt: skip
ROOT = {"Resources": {"Nested": {"Type": "AWS::Serverless::Application", "Properties": {"Location": "Nested/template.yaml"}}}}  # fmt: skip


def test_the_built_templates_are_json_of_the_same_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of functions' own code are not touched."""
    files: dict[str, Any] = {"template.yaml": ROOT, "Nested/template.yaml": NESTED, "Function/data/template.yaml": ROOT}

    def build(self: Sam, *arguments: str) -> None:
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")

    monkeypatch.setattr(Sam, "_run", build)
    Sam(tmp_path, {}, tmp_path / "log").build(tmp_path / "template.yaml", tmp_path)
    assert json.loads((tmp_path / "template.yaml").read_text("utf-8")) == ROOT
    assert json.loads((tmp_path / "Nested/template.yaml").read_text("utf-8")) == NESTED
    assert (tmp_path / "Function/data/template.yaml").read_text("utf-8") == yaml.safe_dump(ROOT)
