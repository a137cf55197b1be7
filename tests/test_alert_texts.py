"""Texts that fit: long ones push nothing out, nothing is cut inside an entity, markup is shown as it is, the exception comes first."""

import html
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from alerting.channels import email, slack, teams
from alerting.message import compose
from alerting.text import MARK, cut, fitted, quoted
from tests.test_alert_faults import ALERT

TEXTS = st.text(st.sampled_from("ab &<> \"'é😀"), max_size=60)
PYTHON = """Traceback (most recent call last):
  File "/tmp/job.py", line 12, in <module>
    main()
  File "/tmp/job.py", line 7, in main
    raise ValueError("bad row")
ValueError: bad row
"""
JAVA = (
    "An error occurred while calling o90.pyWriteDynamicFrame. " + "Job aborted due to stage failure. " * 4 + "\n"
    "org.apache.spark.SparkException: Task failed\n\tat org.apache.spark.Writer.write(Writer.scala:10)\n"
    "Caused by: java.lang.OutOfMemoryError: Java heap space\n\tat java.util.Arrays.copyOf(Arrays.java:99)\n"
)


@given(st.lists(TEXTS, min_size=1, max_size=6), st.integers(0, 200))
def test_texts_fit_together_and_a_short_one_is_whole(texts: list[str], most: int) -> None:
    made = fitted(texts, most, html.escape)
    assert sum(map(len, made)) <= most
    share = most // len(texts)
    assert all(made[place] == html.escape(text) for place, text in enumerate(texts) if len(html.escape(text)) <= share)


@given(TEXTS, st.integers(0, 100))
def test_what_is_cut_says_so_and_no_entity_is_split(text: str, most: int) -> None:
    made = cut(text, most, html.escape)
    assert len(made) <= most
    if made == html.escape(text):
        return
    assert made.endswith(MARK[:most])
    kept = made.removesuffix(MARK[:most])
    assert html.escape(text).startswith(kept)
    assert html.escape(html.unescape(kept)) == kept


def test_a_cause_is_quoted_with_the_exception_first_then_where() -> None:
    assert quoted(PYTHON).startswith("ValueError: bad row, at /tmp/job.py line 7. In full: Traceback")
    assert quoted(JAVA).startswith(
        "java.lang.OutOfMemoryError: Java heap space, at java.util.Arrays.copyOf(Arrays.java:99). In full: An error"
    )
    glue = "Error Category: UNCLASSIFIED_ERROR; Failed Line Number: 14; The job ended because of this: KeyError: 'isin'"
    assert quoted(glue).startswith("KeyError: 'isin'. In full: Error Category")
    assert quoted("MemoryError: an executor\n was lost") == "MemoryError: an executor was lost"
    assert quoted("no exception " * 20) == ("no exception " * 20).strip()


def test_an_endless_word_is_searched_quickly() -> None:
    assert quoted("a" * 100_000) == "a" * 100_000
    assert quoted("a." * 50_000) == "a." * 50_000


@pytest.mark.parametrize("name", ["cause", "description"])
def test_a_long_text_pushes_nothing_out(name: str) -> None:
    alert: dict[str, Any] = {**ALERT, name: "<&> " * 5000, "waiting": {"count": 1, "products": ["d1/b"]}}
    said = compose(alert)
    made = slack.blocks(alert, said)
    for each in Block.parse_all(made):
        each.validate_json()
    for text in (str(made), said.text(2048), str(teams.card(alert, said)), email.html(alert, said)):
        for fact in ("2026-11-20 09:00 UTC", "ann", "d1/b", "headgate rerun d1/a"):
            assert fact in text
    assert len(said.text(2048)) <= 2048
    assert len(made[1]["text"]["text"]) <= 3000


@pytest.mark.parametrize(
    "text", ["*not bold* _or_ ~gone~", "a `tick`", ":fire: in step:load:x", "<!channel> <@U1> &amp;"]
)
def test_markup_in_a_cause_is_shown_as_text(text: str) -> None:
    alert = {**ALERT, "cause": text}
    said = compose(alert)
    shown = slack.blocks(alert, said)[1]["text"]["text"].splitlines()[1]
    value = shown.removeprefix("*What failed*  ")
    assert "<" not in value
    literal = value.startswith("`") and value.endswith("`") and "`" not in value[1:-1]
    assert literal or not slack.MARKUP.search(value)
    assert html.escape(text) in email.html(alert, said)
    assert text in str([each["inlines"][1]["text"] for each in teams.card(alert, said)["body"][1:]])
