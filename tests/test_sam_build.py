"""Templates as SAM is given them: JSON, of the content that it would read in YAML."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from headgate.deployment import template_text
from headgate.deployment.sam import Sam, sam
from tests import local_application
from tests.local_application import needs_sam

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


SHORT_FORMS = """
Conditions: {Both: !And [!Condition One, !Not [!Equals [!Ref Mode, "no"]]]}
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      Policy: {Version: 2012-10-17, Resource: !GetAtt Queue.Arn.Part, Other: !GetAtt [Queue, Arn]}
      Name: !Sub ["${A}-täglich", {A: !If [One, !Ref Name, !Join ["-", [a, !ImportValue b]]]}]
      Count: 08
      Text: !Select [0, !Split [",", yes]]
"""


@needs_sam
def test_a_template_as_json_is_what_sam_reads_of_it(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(SHORT_FORMS, "utf-8")
    templates = [tmp_path / "template.yaml", *(local_application.ROOT / name for name in ("template.yaml", "board/template.yaml"))]  # fmt: skip
    reads = "import json, sys\nfrom samcli.yamlhelper import yaml_parse\nprint(json.dumps([yaml_parse(open(each).read()) for each in sys.argv[1:]]))"
    done = subprocess.run(
        [Path(sam()).with_name("python"), "-c", reads, *templates], capture_output=True, text=True, check=True
    )
    assert [json.loads(template_text.as_json(each)) for each in templates] == json.loads(done.stdout)


def test_a_template_that_is_no_yaml_is_left_for_sam_to_refuse(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("Resources: [", "utf-8")
    assert template_text.as_json(tmp_path / "template.yaml") == "Resources: ["
