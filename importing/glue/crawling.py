"""A pipeline with crawlers, as a definition: no step type can wait for a crawler, whose runs have no id."""

import json
from typing import Any

from headgate.importing.names import slug

TIMEOUT = (
    "12h"  # of the pipeline: a machine has a history of limited length, and each question about a crawler is part of it
)
ASKED_EVERY = 120  # seconds, for each crawler of the pipeline
State = dict[str, Any]


def definition_of(steps: list[dict[str, Any]]) -> tuple[str, list[dict[str, str]]]:
    """The file for steps of which some are `{name, crawler}`, and the permissions for its crawlers."""
    crawlers: dict[str, None] = {}
    _machine(steps, crawlers, 1)
    text = json.dumps(_machine(steps, crawlers, ASKED_EVERY * len(crawlers)), indent=2, ensure_ascii=False) + "\n"
    arn = "arn:${AWS::Partition}:glue:${AWS::Region}:${AWS::AccountId}:crawler/"
    return text, [{"action": f"glue:{call}", "resource": f"{arn}{each}"} for each in crawlers for call in ("StartCrawler", "GetCrawler")]  # fmt: skip


def _machine(steps: list[dict[str, Any]], crawlers: dict[str, None], pause: int) -> State:
    states: dict[str, State] = {}
    blocks = [_states(each, crawlers, pause) for each in steps]
    for number, block in enumerate(blocks):
        following = next(iter(blocks[number + 1])) if number + 1 < len(blocks) else None
        end = {"Next": following} if following else {"End": True}
        for name, state in block.items():
            states[name] = {key: each for key, each in state.items() if key != "Then"} | (
                end if "Then" in state else {}
            )
    return {"StartAt": next(iter(blocks[0])), "States": states}


def _states(step: dict[str, Any], crawlers: dict[str, None], pause: int) -> dict[str, State]:
    """The states of one step; `Then` marks the one behind which the next step follows."""
    if "parallel" in step:
        branches = [each.get("steps", [each]) for each in step["parallel"]]
        made = [_machine(each, crawlers, pause) for each in branches]
        first = min(next(iter(each["States"])) for each in made)
        return {slug(f"parallel {first}", 80): {"Type": "Parallel", "Branches": made, "ResultPath": None, "Then": True}}
    if "crawler" in step:
        crawlers[step["crawler"]] = None
        return _crawled(step["name"], step["crawler"], pause)
    glue = step["glue"]
    parameters: State = {"JobName": glue["job"]}
    parameters |= {"Arguments": glue["arguments"]} if "arguments" in glue else {}
    minutes = _minutes(glue.get("timeout", "8h"))
    retry = step.get("retry")
    state: State = {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "Parameters": {**parameters, "Timeout": minutes}}  # fmt: skip
    state |= {"TimeoutSeconds": 60 * minutes + 3600, "ResultPath": None}
    if retry:
        state["Retry"] = [{"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 60, "MaxAttempts": retry["attempts"], "BackoffRate": 2.0}]  # fmt: skip
    return {step["name"]: {**state, "Then": True}}


def _crawled(name: str, crawler: str, pause: int) -> dict[str, State]:
    start, wait, ask, decide = (f"{each} {name}" for each in ("Start", "Wait for", "Ask about", "Has ended"))
    end, failed = f"Outcome of {name}", f"Failed {name}"
    given = {"Name": crawler}
    return {
        start: {
            "Type": "Task", "Resource": "arn:aws:states:::aws-sdk:glue:startCrawler", "Parameters": given, "TimeoutSeconds": 300, "ResultPath": None,
            "Retry": [{"ErrorEquals": ["Glue.CrawlerRunningException"], "IntervalSeconds": 120, "MaxAttempts": 30, "BackoffRate": 1.0}], "Next": wait,
        },
        wait: {"Type": "Wait", "Seconds": pause, "Next": ask},
        ask: {
            "Type": "Task", "Resource": "arn:aws:states:::aws-sdk:glue:getCrawler", "Parameters": given, "TimeoutSeconds": 300,
            "ResultPath": "$.crawler", "Next": decide,
        },
        decide: {"Type": "Choice", "Choices": [{"Variable": "$.crawler.Crawler.State", "StringEquals": "READY", "Next": end}], "Default": wait},
        end: {
            "Type": "Choice",
            "Choices": [{"Variable": "$.crawler.Crawler.LastCrawl.Status", "StringEquals": "SUCCEEDED", "Next": f"Crawled {name}"}],
            "Default": failed,
        },
        failed: {"Type": "Fail", "Error": "CrawlerFailed", "Cause": f"The last crawl of {crawler} has not succeeded."},
        f"Crawled {name}": {"Type": "Pass", "Then": True},
    }  # fmt: skip


def _minutes(text: str) -> int:
    return int(text[:-1]) * {"m": 1, "h": 60, "d": 1440}[text[-1]]
