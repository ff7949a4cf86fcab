"""From one whole HTTP answer to an outcome (architecture §5). Pure.

A portal's profile decides first: a body code, then a status. What it leaves out
is filled in here, cautiously: an outcome that could hide an order already taken
is *unknown*, never *rejected*.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import orjson

from gateway.delivery.outcome import (
    Delivered,
    DestinationFault,
    Evidence,
    NotTaken,
    Outcome,
    Rejected,
    Unknown,
)
from gateway.mapping.profile import ResponseRules, Verdictword

LONGEST_WAIT: Final = timedelta(days=3650)
"""Bounds what a portal may ask for; any delivery's deadline is sooner."""

_UNAUTHORISED = frozenset({401, 403})
_THROTTLED = frozenset({429, 503})
_UNCLEAR = frozenset({408, 425})
_VALIDATED = frozenset({400, 415, 422})
"""By these a portal that honours keys refuses what it has read, the first time as
every time. To a repeated request all others may mean "this was done already", or
come from somebody on the way, and prove nothing about the request before. A body
code that the profile names says more than any status."""

_BY_CLASS: Final[dict[int, Verdictword]] = {2: "delivered", 3: "fault", 4: "rejected"}

_SECONDS = re.compile(r"[0-9]+")
_UNREADABLE: Final = object()


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, received to its last byte.

    Attributes:
        headers: Looked up in lower case.
        body: As sent, undecoded; PHI, so never in ``repr``.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def classify(
    answer: Answer,
    rules: ResponseRules,
    *,
    keyed: bool,
    repeated: bool,
    now: datetime,
) -> Outcome:
    """Say what ``answer`` shows.

    Args:
        keyed: Whether the portal honours idempotency keys; only then is a
            throttled request surely repeatable.
        repeated: Whether an earlier attempt may have reached the portal.
        now: To read a ``Retry-After`` that names a date.
    """
    tree = _parse(answer.body)
    word = _word(answer.status, tree, rules, keyed=keyed, repeated=repeated)
    evidence = Evidence(_code(answer.status), str(answer.status), answer.body)
    match word:
        case "delivered":
            return _delivered(evidence, tree, rules)
        case "rejected":
            return Rejected(evidence)
        case "fault":
            return DestinationFault(evidence, answer.status not in _UNAUTHORISED)
        case "not_taken":
            return NotTaken(evidence, _retry_after(answer, now), reached=True)
        case "unknown":
            return Unknown(evidence, _retry_after(answer, now))


def token_refused(outcome: Outcome) -> bool:
    """Tell whether a fresh token might change ``outcome``."""
    return isinstance(outcome, DestinationFault) and outcome.evidence.code in {
        "http.401",
        "http.403",
    }


def _word(
    status: int, tree: object, rules: ResponseRules, *, keyed: bool, repeated: bool
) -> Verdictword:
    coded = rules.body_codes.get((status, text_at(tree, rules.body_code)))
    if coded:
        return coded
    word = rules.statuses.get(status) or _usual(status, keyed=keyed)
    proves = not repeated or (keyed and status in _VALIDATED)
    return word if word != "rejected" or proves else "unknown"


def _usual(status: int, *, keyed: bool) -> Verdictword:
    if status in _THROTTLED:
        return "not_taken" if keyed else "unknown"
    if status in _UNAUTHORISED:
        return "fault"
    if status in _UNCLEAR:
        return "unknown"
    if not keyed and _BY_CLASS.get(status // 100) == "fault":
        return "unknown"  # 303 See Other may answer a POST that was acted on
    return _BY_CLASS.get(status // 100, "unknown")


def _code(status: int) -> str:
    return (
        "http.redirect" if _BY_CLASS.get(status // 100) == "fault" else f"http.{status}"
    )


def _delivered(evidence: Evidence, tree: object, rules: ResponseRules) -> Outcome:
    if tree is _UNREADABLE and (evidence.body or rules.reference):
        return Unknown(_renamed(evidence, "http.unreadable"))
    if rules.reference and not text_at(tree, rules.reference):
        return Unknown(_renamed(evidence, "http.no_reference"))
    return Delivered(evidence)


def _renamed(evidence: Evidence, code: str) -> Evidence:
    return Evidence(code, evidence.status, evidence.body)


def _parse(body: bytes) -> object:
    try:
        tree: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _UNREADABLE
    return tree


def text_at(tree: object, place: str) -> str:
    """Return the text or whole number at a dotted place, ``""`` if neither is there.

    A number with a fraction or beyond 64 bits was rounded when it was read, so
    it names nothing.
    """
    for name in place.split("."):
        tree = tree.get(name) if isinstance(tree, dict) else None
    if isinstance(tree, bool) or not isinstance(tree, str | int):
        return ""
    return str(tree)


def _retry_after(answer: Answer, now: datetime) -> timedelta | None:
    return read_retry_after(answer.headers.get("retry-after", ""), now)


def read_retry_after(text: str, now: datetime) -> timedelta | None:
    """Read ``Retry-After`` (RFC 9110 §10.2.3): seconds, or an HTTP date.

    Returns:
        A wait from zero (a date gone by) to ``LONGEST_WAIT``; ``None`` if there
        is no wish or it cannot be read.
    """
    text = text.strip()
    if _SECONDS.fullmatch(text):
        seconds = min(float(text), LONGEST_WAIT.total_seconds())
        return timedelta(seconds=seconds)
    moment = _http_date(text)
    if moment is None:
        return None
    return min(max(moment - now, timedelta()), LONGEST_WAIT)


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        # The asctime form names no zone; HTTP dates are in UTC.
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
