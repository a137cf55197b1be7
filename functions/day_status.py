"""The question `status`: every product of a business date, or only those whose rows have changed since an answer of before."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from columns import columns
from state.answers import Row
from state.calls import State

Pages = Callable[[Callable[[str], list[Row]]], tuple[list[dict[str, Any]], bool]]


def status(
    state: State, on_date: date, domain: str | None, since: str | None, in_columns: bool, pages: Pages, page: int, now: datetime
) -> dict[str, Any]:  # fmt: skip
    """`position` stands for what this answer knows: a question with it as `since` gets what has changed. `whole`: `products` are all of them; if not,
    they are the rows of those that `changed` names, in place of what was known of these: one without rows is gone. A position of another date or domain,
    or from too long ago, gets all of them. The position is read first: what changes while pages are read is found by the next question.
    `shadow` where the application is in shadow."""
    of = f"{on_date} {domain or ''} "
    known = since.removeprefix(of) if since and since.startswith(of) else None
    news = state.status_news(on_date, domain, known)
    changed = news.products
    if changed is None:
        rows, more = pages(lambda after: state.status_of_day(on_date, domain, after, page, now))
    elif changed:
        rows, more = pages(lambda after: state.status_of_products(on_date, domain, changed, after, page, now))
    else:
        rows, more = [], False
    return {
        "position": of + news.now_at, **in_shadow(news.shadow_since), "whole": changed is None, **({} if changed is None else {"changed": changed}),
        "products": columns(rows, on_date) if in_columns else rows, "more": more,
    }  # fmt: skip


def in_shadow(since: str | None) -> dict[str, Any]:
    """The field `shadow` of an answer: the applications that are in shadow, here one or none. It is a list so that the answers of several become one."""
    return {} if since is None else {"shadow": [{"since": since}]}
