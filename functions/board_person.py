"""Who is at the hosted board, by the claims of the token. The authorizer of the API has verified the token; what its claims allow is decided here."""

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from board_settings import SCOPES, Settings
from page_requests import AnswerError

NAMES = ("name", "preferred_username", "email", "username", "cognito:username")
LONGEST = 80  # of a name
EVERY = "*"
Domains = frozenset[str] | None  # None: every domain


@dataclass(frozen=True)
class Person:
    """`actor` is what the application records."""

    actor: str
    name: str
    scopes: frozenset[str]
    reads: Domains
    operates: Domains

    def check_scope(self, method: str) -> None:
        """Raises `AnswerError` unless the token is for requests of this method."""
        if SCOPES[method] not in self.scopes:
            raise AnswerError(
                "NotAllowed", f"your sign-in does not permit this: its token has no scope {SCOPES[method]}"
            )

    def acts(self) -> dict[str, list[str]]:
        """`acts_on`: the domains whose products the person may act on; absent if all."""
        domains = self.operates if SCOPES["POST"] in self.scopes else frozenset[str]()
        return {} if domains is None else {"acts_on": sorted(domains)}

    def may_read(self, domain: str) -> bool:
        return self.reads is None or domain in self.reads

    def check_reads(self, domain: str) -> None:
        """Raises `AnswerError` unless the person may see the products of the domain."""
        if not self.may_read(domain):
            raise AnswerError("NotAllowed", f"you may not see the domain {domain}; {_named('you may see', self.reads)}")

    def check_reads_everything(self, what: str) -> None:
        """Raises `AnswerError` unless the person may see every domain."""
        if self.reads is not None:
            raise AnswerError("NotAllowed", f"{what} is about every domain, and {_named('you may see', self.reads)}")

    def check_operates(self, domain: str) -> None:
        """Raises `AnswerError` unless the person may act on the products of the domain."""
        if self.operates is not None and domain not in self.operates:
            raise AnswerError("NotAllowed", f"you may not act on the domain {domain}; {_named('you may act on', self.operates)}. Nothing has been changed")  # fmt: skip

    def check_operates_everywhere(self, what: str) -> None:
        """Raises `AnswerError` unless the person may act on every domain."""
        if self.operates is not None:
            raise AnswerError("NotAllowed", f"{what} acts on more than one domain, and {_named('you may act on', self.operates)}. Nothing has been changed")  # fmt: skip


def person(claims: Mapping[str, Any], settings: Settings) -> Person:
    """Who the verified claims say it is. Raises `AnswerError` where they name nobody."""
    subject = str(claims.get("sub", ""))
    if not subject or claims.get("iss") != settings.issuer:
        raise AnswerError(
            "NotIdentified", "the token does not say who you are: it has no `sub`, or is of another issuer"
        )
    name = next((_shown(str(claims[each])) for each in NAMES if claims.get(each)), "")
    host = urlsplit(settings.issuer).netloc
    actor = f"oidc:{host}:{_shown(subject)}" + (f" ({name})" if name else "")
    scopes = frozenset(each for key in ("scope", "scp") for each in values(claims.get(key, "")))
    reads, operates = _domains(claims, settings)
    return Person(actor, name or _shown(subject), scopes, reads, operates)


def values(claim: Any) -> list[str]:
    """The values of a claim. An HTTP API gives a list as `[one other]`; a text of several has spaces or commas between them."""
    if isinstance(claim, str) and claim.startswith('["'):
        with suppress(ValueError):
            claim = json.loads(claim)
    if isinstance(claim, list):
        return [str(each) for each in claim]
    return [each for each in re.split(r"[\s,]+", str(claim).removeprefix("[").removesuffix("]")) if each]


def _domains(claims: Mapping[str, Any], settings: Settings) -> tuple[Domains, Domains]:
    if not settings.claim:
        return None, None
    given = values(claims.get(settings.claim, ""))
    if not settings.permissions:
        return _set(given), _set(given)
    found = [settings.permissions[each] for each in given if each in settings.permissions]
    operates = [domain for each in found for domain in each.get("operate", ())]
    reads = [domain for each in found for domain in each.get("read", ())]
    return _set(reads + operates), _set(operates)


def _set(domains: Iterable[str]) -> Domains:
    found = frozenset(domains)
    return None if EVERY in found else found


def _named(said: str, domains: Domains) -> str:
    return f"{said} {', '.join(sorted(domains))}" if domains else f"{said} none: your sign-in names no domain"


def _shown(text: str) -> str:
    return "".join(each for each in text if each.isprintable())[:LONGEST]
