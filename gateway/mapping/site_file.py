"""Reads ``sites/<name>/site.yaml``. What is wrong closes the site, and only it."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final

from gateway.core.agreements import Conventions
from gateway.core.errors import Unmappable
from gateway.core.order import Status
from gateway.core.problems import CATALOGUE
from gateway.mapping.compiled import Compiled
from gateway.mapping.document import MapNode
from gateway.mapping.fields import Fields
from gateway.mapping.library import Library, Shelf
from gateway.mapping.places import Getter
from gateway.mapping.scope import Scope
from gateway.mapping.site import Facility, Networks, Site, StatusBack
from gateway.mapping.times import local

ANSWERS: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(("AE", "AR"), ("AE", "AR")),
    **dict.fromkeys(("CE", "CR"), ("CE", "CR")),
}
"""What a site may hear instead of a negative answer: the other one of its mode.

Never a positive one: its sender would forget a message that we refused.
"""
MEANINGS: Final = ("delivered", "rejected", "not_taken", "unknown")
NEGATIVE: Final = ("AE", "AR", "CE", "CR")
"""Answers of an EHR whose meaning a site may say; a positive one means delivered."""
OPTIONS: Final = (
    "application",
    "facility",
    "receiving_application",
    "receiving_facility",
    "processing_id",
    "version",
    "charset",
    "accept_ack",
    "application_ack",
)
"""What a site says about the MSH of its statuses; the rest is known when sent."""

OF_ORDERS: Final = (
    "application",
    "facility",
    "receiving_application",
    "receiving_facility",
)
"""Those that may come from the order the status is about."""

LEAST: Final = {
    "sent_at": "20260101",
    "type": "ACK",
    "control_id": "1",
    "processing_id": "T",
    "version": "2.5.1",
}
"""The options of an MSH that says as little as one may."""

COUNTRY: Final = re.compile(r"[A-Z]{2}")
TYPE: Final = re.compile(r"[A-Z]{3}\^[A-Z][A-Z0-9]{2}")
WAITS: Final = ("5s", "30s", "2m", "10m", "1h")


def read_site(library: Library, name: str) -> Site:
    """Read one site with its mappings."""
    home = f"sites/{name}"
    findings = library.findings(f"{home}/site.yaml")
    document = library.document(findings)
    fields = Fields(document, findings)
    shelf = Shelf(library, home, findings)
    site = _site(fields, name, shelf)
    _check_senders(fields, site)
    fields.done()
    return replace(site, problems=(*findings.found, *shelf.found))


def _site(fields: Fields, name: str, shelf: Shelf) -> Site:
    fields.word("site", ("1",))
    interface = _interface(fields.mapping("interface"), shelf)
    shelf.zone = interface.zone
    return Site(
        name=name,
        title=fields.text("title"),
        senders=_senders(fields),
        networks=Networks(_networks(fields)),
        facilities=_facilities(fields),
        processing_ids=frozenset(fields.texts("processing_ids", needed=True)),
        interface=interface,
        messages=_messages(fields, shelf),
        ignore=frozenset(fields.texts("ignore")),
        status_back=_status_back(fields, name, shelf),
        catch_all=fields.flag("catch_all"),
        routed=fields.flag("routed", default=True),
        remark=fields.text("remark", ""),
        control_id=_trust(fields),
    )


def _trust(fields: Fields) -> Any:  # noqa: ANN401 - one of two literals
    return fields.word("control_id", ("trusted", "untrusted"), "trusted")


def _senders(fields: Fields) -> frozenset[tuple[str, str]]:
    """Read MSH-3 with its MSH-4 values; none are needed by a catch-all site."""
    pairs: set[tuple[str, str]] = set()
    needed = not fields.flag("catch_all")
    for node in fields.items("senders", needed=needed):
        sender = Fields(node, fields.findings)
        application = sender.text("application")
        facilities = sender.texts("facilities", needed=True)
        pairs |= {(application, facility) for facility in facilities}
        sender.done()
    return frozenset(pairs)


def _networks(fields: Fields) -> tuple[IPv4Network | IPv6Network, ...]:
    line = fields.line_of("networks")
    texts = fields.texts("networks", needed=True)
    found = (fields.attempt(line, text, ip_network) for text in texts)
    return tuple(network for network in found if network is not None)


def _facilities(fields: Fields) -> Mapping[str, Facility]:
    found = {}
    for code, node in fields.entries("facilities"):
        each = Fields(node, fields.findings)
        facility = Facility(code, each.text("name"), each.text("country"))
        if facility.country and not COUNTRY.fullmatch(facility.country):
            each.bad(each.line_of("country"), f"{facility.country}: ISO 3166, like US")
        found[code] = facility
        each.done()
    return found


def _check_senders(fields: Fields, site: Site) -> None:
    """An order of a facility without a country could be routed nowhere."""
    sent = {facility for _, facility in site.senders} - {"*"}
    for facility in sorted(sent - site.facilities.keys() if site.routed else ()):
        fields.bad(fields.line_of("senders"), f"{facility} is not under facilities:")


def _interface(fields: Fields, shelf: Shelf) -> Conventions:
    interface = Conventions(
        charset=_header_text(fields, shelf, "charset", ""),
        line_ends=_line_ends(fields),
        structured_answers=fields.flag("structured_answers"),
        codes=_answers(fields.mapping("codes"), ANSWERS),
        application_answers=fields.flag("application_answers"),
        zone=fields.text("zone", ""),
    )
    if fields.attempt(fields.line_of("zone"), interface.zone, local) is None:
        interface = replace(interface, zone="")  # said once, and read in no zone
    fields.done()
    return interface


def _line_ends(fields: Fields) -> Any:  # noqa: ANN401 - one of two literals
    return fields.word("line_ends", ("cr", "any"), "cr")


def _answers(fields: Fields, allowed: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    found = {
        code: fields.word(code, meanings, meanings[0])
        for code, meanings in allowed.items()
        if code in fields
    }
    fields.done()
    return found


def _messages(fields: Fields, shelf: Shelf) -> Mapping[str, Compiled]:
    found = {}
    lines = fields.mapping("messages", needed=True)
    for message, node in fields.entries("messages"):
        line = lines.line_of(message)
        _check_type(fields, line, message)
        name = fields.parsed(node, str, "")
        mapping = shelf.mapping(
            name, line, reads="hl7v2", writes="command", message=message
        )
        if mapping:
            found[message] = mapping
    for message in fields.texts("ignore"):
        line = fields.line_of("ignore")
        _check_type(fields, line, message)
        if message in lines:
            fields.bad(line, f"{message} is under messages: and ignore:")
    return found


def _check_type(fields: Fields, line: int, message: str) -> None:
    if not TYPE.fullmatch(message):
        fields.bad(line, f"{message}: a type is written ORM^O01")


def _status_back(fields: Fields, name: str, shelf: Shelf) -> StatusBack | None:
    if "status_back" not in fields:
        return None
    back = fields.mapping("status_back")
    line = back.line_of("mapping")
    mapping = shelf.mapping(
        back.text("mapping"), line, reads="canonical", writes="hl7v2"
    )
    host_setting = back.setting("to")
    message = back.text("message")
    options, asked = _options(back.mapping("header", needed=True), shelf)
    when = _statuses(back)
    codes = _answers(back.mapping("codes"), dict.fromkeys(NEGATIVE, MEANINGS))
    waits = back.durations("waits", WAITS)
    answer_timeout = back.duration("answer_timeout", timedelta(seconds=30))
    deadline = back.duration("deadline", timedelta(days=3))
    repeats_safely = back.flag("repeats_safely")
    back.done()
    if mapping is None:
        return None
    return StatusBack(
        destination=f"ehr:{name}",
        host_setting=host_setting,
        message=message,
        mapping=mapping,
        options=options,
        when=when,
        codes=codes,
        waits=waits,
        answer_timeout=answer_timeout,
        deadline=deadline,
        repeats_safely=repeats_safely,
        asked=asked,
    )


def _options(fields: Fields, shelf: Shelf) -> tuple[dict[str, str], dict[str, Getter]]:
    """Return the constants of a header, and what is asked of the order."""
    needed = ("processing_id", "version")
    asked = [key for key in OF_ORDERS if isinstance(fields.node(key), MapNode)]
    found = {
        key: _header_text(fields, shelf, key, None if key in needed else "")
        for key in OPTIONS
        if key not in asked
    }
    places = {key: _header_place(fields.mapping(key), shelf) for key in asked}
    fields.done()
    return {key: text for key, text in found.items() if text}, places


def _header_place(fields: Fields, shelf: Shelf) -> Getter:
    text, line = fields.text("from"), fields.line_of("from")
    canonical = shelf.library.formats["canonical"]
    source = Scope(canonical).source(text, line, fields.findings)
    if source.kind != "text":
        fields.findings.add("wrong_kind", line, f"{text} is {source.kind}")
    fields.done()
    return source.get


def _header_text(fields: Fields, shelf: Shelf, key: str, default: str | None) -> str:
    """Return a text for MSH, tried in a message: a wrong one is found now."""

    def written(text: str) -> str:
        try:
            shelf.library.formats["hl7v2"].encode([], LEAST | {key: text})
        except Unmappable as error:
            raise ValueError(CATALOGUE[error.problems[0].code].says) from None
        return text

    text = fields.text(key, default)
    return fields.attempt(fields.line_of(key), text, written) or "" if text else ""


def _statuses(fields: Fields) -> frozenset[Status]:
    line = fields.line_of("when")
    texts = fields.texts("when", needed=True)
    if texts == ("all",):
        return frozenset(Status)
    found = (fields.attempt(line, text, Status) for text in texts)
    return frozenset(status for status in found if status is not None)
