"""No value of a message is in a ``repr``, which logs and tracebacks print (G13).

Every field that can hold text gets a marked value here. It may be shown only if
its name is known to hold what we say ourselves, never a message.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final, TypeVar, get_args, get_origin, get_type_hints

import adapters
import gateway
from gateway.core.order import Model, Name

MARK: Final = "Zebrowski"
TEXT: Final = (str, bytes, Any, object)

CONFIGURED: Final = ("gateway.mapping.", "gateway.core.agreements")
"""What people configure; no message is in it, but for what templates speak about."""
SPOKEN: Final = "gateway.mapping.canonical"
COUNTED: Final = "gateway.store.audit"

SHOWN: Final = """
ack_code asserted_by by_id checksum code commitment consequence content_digest
content_type delivery_id destination destinations digest endpoint file guard hash
head id identity key kind lane manufacturer mapping media_type message_id operation
order_id order_ids origin outcome problem problems released says settled site
speaker status subject then title version where woken
Adapter.name Again.remark Applied.name Comparison.conflicts Comparison.renamed
Counters.ended Envelope.type FacilityFacts.country FacilityFacts.name Header.type
LedgerEntry.header MessageWork.remark Migration.name Peer.address Place.segment
Request.headers Request.method Request.url Rules.formats Selector.text
SiteFacts.name Signed.who Verdict.text _Ended.name _Fault.location _Fault.said
"""
OURS: Final = frozenset(SHOWN.split())


def modules() -> Iterator[str]:
    """Name the modules whose values may come from a message."""
    for package in (gateway, adapters):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            name = found.name
            configured = name.startswith(CONFIGURED) and name != SPOKEN
            if not configured and name != COUNTED and not name.endswith("__main__"):
                yield name


def holders() -> Iterator[type]:
    """Yield every dataclass and model of these modules."""
    for name in modules():
        for each in vars(importlib.import_module(name)).values():
            here = isinstance(each, type) and each.__module__ == name
            if here and (is_dataclass(each) or issubclass(each, Model)):
                yield each


def leaves(hint: object) -> Iterator[object]:
    """Yield the types a type is made of."""
    inside = () if get_origin(hint) is Callable else get_args(hint)
    yield from (leaf for each in inside for leaf in leaves(each))
    if not inside:
        yield hint


def holds_text(hint: object) -> bool:
    return any(leaf in TEXT or isinstance(leaf, TypeVar) for leaf in leaves(hint))


def texts(holder: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - a dataclass
    """Yield the fields of a dataclass that can hold text, short and in full."""
    hints = get_type_hints(holder)
    for field in fields(holder):
        if holds_text(hints[field.name]):
            yield field.name, f"{holder.__name__}.{field.name}"


def marked(holder: Any) -> object:  # noqa: ANN401 - a dataclass or model
    """Make one in which every text that may come from a message is marked."""
    if issubclass(holder, Model):
        return holder.model_construct(**dict.fromkeys(holder.model_fields, MARK))
    value = object.__new__(holder)
    for field in fields(holder):
        object.__setattr__(value, field.name, "")
    for name, full in texts(holder):
        if not {name, full} & OURS:
            object.__setattr__(value, name, MARK)
    return value


def shows(holder: type) -> bool:
    value = marked(holder)
    return MARK in repr(value) or MARK in str(value)


@dataclass(slots=True)
class Talkative:
    """What must not be."""

    name: Name
    family: str | None


def test_no_value_shows_itself() -> None:
    assert [each for each in holders() if shows(each)] == []


def test_a_value_that_shows_itself_is_found() -> None:
    assert shows(Talkative)


def test_what_is_named_ours_is_there() -> None:
    holding = [each for each in holders() if is_dataclass(each)]
    there = {name for each in holding for both in texts(each) for name in both}

    assert there >= OURS
