"""A change of a product is tried for the board: findings, meaning and patch, and nothing is written."""

from pathlib import Path

import pytest

from headgate.board.api import AnswerError
from headgate.cli.board_editor import MetadataEditor

METADATA = """
-- products/raw/domain.yaml
owner: raw-team
-- products/d1/domain.yaml
owner: d1-team
-- products/raw/rd.yaml
description: raw
owner: raw-team
-- products/d1/a.yaml
description: a
owner: d1-team
depends_on: {all_of: [raw/rd]}
wait: {deadline: 4h}
pipeline:
  steps:
    - name: build
      glue: {job: d1-a-build}
-- products/d1/b.yaml
description: b
owner: d1-team
depends_on: {all_of: [d1/a]}
pipeline:
  steps:
    - name: build
      glue: {job: d1-b-build}
"""


@pytest.fixture
def editor(tmp_path: Path) -> MetadataEditor:
    for part in METADATA.split("\n-- ")[1:]:
        name, text = part.split("\n", 1)
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return MetadataEditor(tmp_path / "products")


def test_a_change_is_a_patch_with_its_meaning(editor: MetadataEditor, tmp_path: Path) -> None:
    source = editor.source("d1/a")
    assert source["path"] == "products/d1/a.yaml"
    draft = editor.draft("d1/a", source["text"].replace("4h", "6h"))
    assert [each for each in draft["findings"] if each["severity"] == "error"] == []
    assert draft["changes"] == [{"product": "d1/a", "kind": "changed", "sentences": ["deadline 4h -> 6h"]}]
    assert draft["patch"].splitlines()[:2] == ["--- a/products/d1/a.yaml", "+++ b/products/d1/a.yaml"]
    assert "-wait: {deadline: 4h}\n+wait: {deadline: 6h}\n" in draft["patch"]
    assert (tmp_path / "products" / "d1" / "a.yaml").read_text() == source["text"], "nothing is written"


def test_findings_are_those_of_validate_also_in_other_files(editor: MetadataEditor) -> None:
    text = editor.source("d1/a")["text"]
    wrong = editor.draft("d1/a", text.replace("deadline", "deadlin"))
    (finding,) = [each for each in wrong["findings"] if each["severity"] == "error"]
    assert (finding["file"], finding["line"], wrong["changes"]) == ("products/d1/a.yaml", 4, [])
    cycle = editor.draft("d1/a", text.replace("raw/rd", "d1/b"))
    assert "HG301" in {each["id"] for each in cycle["findings"]} or any("cycle" in each["title"] for each in cycle["findings"])  # fmt: skip


@pytest.mark.parametrize("product", ["d1/none", "../etc/passwd", "d1/../../x", "", "d1"])
def test_only_products_of_the_project_can_be_read(editor: MetadataEditor, product: str) -> None:
    with pytest.raises(AnswerError, match="no YAML file"):
        editor.source(product)
    with pytest.raises(AnswerError, match="no YAML file"):
        editor.draft(product, "x")


def test_a_link_out_of_the_project_is_not_followed(editor: MetadataEditor, tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("secret")
    (tmp_path / "products" / "d1" / "c.yaml").symlink_to(tmp_path / "secret.yaml")
    with pytest.raises(AnswerError):
        editor.source("d1/c")
