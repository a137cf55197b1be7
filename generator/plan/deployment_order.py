"""In which order the stacks of a mesh of accounts are deployed after a change of its metadata, and what else is to be done.

Receivers before senders: a bus exists before a rule forwards to it, and a consumer knows whose events count before they come. A domain that
moves stops in its former account before it begins in another one.
"""

from collections.abc import Iterator
from typing import Any

from headgate.generator.model.accounts import Home, named
from headgate.generator.plan.account_changes import homes, subscriptions_of

Entry = dict[str, Any]


def deployment_order(old: Entry, new: Entry) -> list[str]:
    """The steps as sentences; none where nothing changes between accounts."""
    before, after = subscriptions_of(old), subscriptions_of(new)
    was, now = homes(old), homes(new)
    moved = {domain for domain in was.keys() & now.keys() if was[domain] != now[domain]}
    if before == after and not moved:
        return []
    more = [home for home in after if after[home] - before.get(home, frozenset())]
    running = {key.split("/")[0] for key in _machines(new)}
    steps = [*_stops(_leaving(old, new), after), *_changes(before, after, now, moved, running)]
    steps.append("the central account: its forward rules and who may publish")
    for home in more:
        region = f" --to-region {home.region}" if home.region else ""
        steps.append(f"`headgate join {home.account}{region} --stack CENTRAL`: it hears what was published before")
    for domain in sorted(moved & running):
        steps.append(
            f"`headgate backfill` in account {now[domain].account} for what {domain} had not finished today: its waiting runs in account "
            f"{was[domain].account} ended CANCELLED"
        )
    return steps


def _changes(
    before: dict[Home, frozenset[str]],
    after: dict[Home, frozenset[str]],
    now: dict[str, Home],
    moved: set[str],
    running: set[str],
) -> Iterator[str]:
    """The accounts that receive: consumers that have to know of a move first, then those that begin to run something."""
    learning = {
        home: sorted(each for each in after[home] & moved if now[each] != home) for home in after if home in before
    }
    for home, domains in learning.items():
        if domains:
            accounts = " and ".join(sorted({now[each].account for each in domains}))
            yield f"{named(home)}: until then it refuses events of {', '.join(domains)} from account {accounts}"
    for home in after:
        begins = sorted(each for each in moved & running if now[each] == home)
        if home not in before:
            yield f"{named(home)}: new, as `domain`"
        elif begins:
            yield f"{named(home)}: it begins to run {', '.join(begins)}"
        elif before[home] != after[home] and not learning[home]:
            yield f"{named(home)}: its products wait for other domains"


def _leaving(old: Entry, new: Entry) -> dict[Home, set[str]]:
    """The domains with pipelines that a home no longer runs."""
    was, now = homes(old), homes(new)
    running = {key.split("/")[0] for key in _machines(new)}
    found: dict[Home, set[str]] = {}
    for domain in sorted({key.split("/")[0] for key in _machines(old)} & was.keys()):
        if domain not in running or now.get(domain) != was[domain]:
            found.setdefault(was[domain], set()).add(domain)
    return found


def _stops(leaving: dict[Home, set[str]], after: dict[Home, frozenset[str]]) -> Iterator[str]:
    for home, domains in sorted(leaving.items()):
        how = named(home) if home in after else f"{named(home)}, or delete its stack"
        yield f"{how}: until then its scheduler goes on running {', '.join(sorted(domains))}"


def _machines(catalog: Entry) -> list[str]:
    return [key for key, each in catalog.get("products", {}).items() if "machine" in each]
