"""Reads ``manufacturers/<name>/``: the portal's profile and its routes."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, get_args

from gateway.core.agreements import Patience, Route
from gateway.mapping.compiled import Compiled
from gateway.mapping.dotted import Member, steps
from gateway.mapping.fields import Fields
from gateway.mapping.library import Library, Shelf
from gateway.mapping.places import NotAPlace
from gateway.mapping.problems import Finding
from gateway.mapping.profile import (
    Auth,
    Idempotency,
    Operation,
    Portal,
    ResponseRules,
    Verdictword,
    Webhook,
)
from gateway.mapping.site_file import COUNTRY, WAITS

OPERATIONS: Final = ("submit", "change", "cancel")
METHODS: Final = ("POST", "PUT", "PATCH", "DELETE")
WORDS: Final[tuple[Verdictword, ...]] = get_args(Verdictword)
_PATH: Final = re.compile(r"/[^\s?#{}]*(?:\{order_id\}[^\s?#{}]*)?")


def read_portal(library: Library, name: str) -> tuple[Portal | None, list[Finding]]:
    """Read one portal; with any finding there is none."""
    home = f"manufacturers/{name}"
    findings = library.findings(f"{home}/portal.yaml")
    document = library.document(findings)
    if document is None:
        return None, findings.found
    fields = Fields(document, findings)
    shelf = Shelf(library, home, findings)
    portal = _portal(fields, name, shelf)
    fields.done()
    found = [*findings.found, *shelf.found]
    return (None if found else portal), found


def _portal(fields: Fields, name: str, shelf: Shelf) -> Portal:
    fields.word("portal", ("1",))
    timeouts = fields.mapping("timeouts")
    connect = timeouts.duration("connect", timedelta(seconds=5))
    read = timeouts.duration("read", timedelta(seconds=30))
    timeouts.done()
    idempotency = _idempotency(fields.mapping("idempotency"))
    patience, deadline = _patience(fields.mapping("retry"), idempotency)
    return Portal(
        manufacturer=name,
        title=fields.text("title"),
        speaks=fields.text("speaks"),
        url_setting=fields.setting("url"),
        auth=_auth(fields.mapping("auth", needed=True)),
        idempotency=idempotency,
        connect_timeout=connect,
        read_timeout=read,
        concurrency=_count(fields, "concurrency"),
        patience=patience,
        deadline=deadline,
        operations=_operations(fields.mapping("operations", needed=True), shelf),
        responses=_responses(fields.mapping("responses")),
        answer=_answer(fields, shelf),
        webhook=_webhook(fields, shelf),
        simulator=fields.flag("simulator"),
    )


def _count(fields: Fields, key: str) -> int:
    node = fields.node(key)
    number = fields.parsed(node, int, 1) if node else 4
    if number < 1:
        fields.bad(fields.line_of(key), f"{number}: at least 1")
    return number


def _auth(fields: Fields) -> Auth:
    if fields.word("kind", ("client_credentials", "none")) == "none":
        fields.done()
        return Auth("none")
    auth = Auth(
        "client_credentials",
        fields.text("token_path"),
        fields.setting("client_id"),
        fields.setting("client_secret"),
        fields.text("scope", ""),
    )
    fields.done()
    return auth


def _idempotency(fields: Fields) -> Idempotency:
    if "header" not in fields:
        fields.done()
        return Idempotency()
    found = Idempotency(
        fields.text("header"), fields.flag("quoted"), fields.duration("honoured_for")
    )
    fields.done()
    return found


def _patience(fields: Fields, idempotency: Idempotency) -> tuple[Patience, timedelta]:
    waits = fields.durations("waits", WAITS)
    deadline = fields.duration("deadline", timedelta(days=2))
    fault_wait = fields.duration("fault_wait", timedelta(minutes=1))
    fields.done()
    if not waits:
        fields.bad(fields.line_of("waits"), "at least one wait")
    keyed = bool(idempotency.header)
    # The last wait repeats until the deadline, and jitter adds up to a fifth.
    latest = max(sum(waits, timedelta()) * 1.2, deadline)
    if keyed and latest > idempotency.honoured_for:
        line = fields.line_of("deadline" if "deadline" in fields else "waits")
        fields.findings.add("waits_outlive_key", line)
    return Patience(waits, "key" if keyed else "no", fault_wait), deadline


def _operations(fields: Fields, shelf: Shelf) -> Mapping[str, Operation]:
    found = {}
    for name in OPERATIONS:
        if name not in fields and name != "submit":
            continue
        each = fields.mapping(name, needed=True)
        method: Any = each.word("method", METHODS)
        path, line = each.text("path"), each.line_of("path")
        if path and not _PATH.fullmatch(path):
            each.bad(line, f"{path}: begins with / and names {{order_id}} at most")
        body = each.text("body")
        mapping = shelf.mapping(
            body, each.line_of("body"), reads="canonical", writes="json"
        )
        each.done()
        if mapping:
            found[name] = Operation(method, path, mapping)
    fields.done()
    return found


def _responses(fields: Fields) -> ResponseRules:
    statuses: dict[int, Verdictword] = {}
    lines = fields.mapping("statuses")
    for text, _ in fields.entries("statuses"):
        number = fields.attempt(lines.line_of(text), text, _status)
        word: Any = lines.word(text, WORDS)
        if number:
            statuses[number] = word
    lines.done()
    rules = ResponseRules(
        statuses=statuses,
        body_code=_place(fields, "body_code"),
        body_codes=_body_codes(fields),
        reference=_place(fields, "reference"),
    )
    fields.done()
    return rules


def _body_codes(fields: Fields) -> dict[tuple[int, str], Verdictword]:
    found: dict[tuple[int, str], Verdictword] = {}
    for node in fields.items("body_codes"):
        each = Fields(node, fields.findings)
        status = each.attempt(each.line_of("status"), each.text("status"), _status)
        word: Any = each.word("means", WORDS)
        if status:
            found[status, each.text("code")] = word
        each.done()
    if found and "body_code" not in fields:
        fields.findings.add("missing_key", fields.line, "body_code")
    return found


def _status(text: str) -> int:
    if len(text) != 3 or not text.isdigit() or not text.isascii():  # noqa: PLR2004 - HTTP
        raise ValueError("an HTTP status has three digits")
    return int(text)


def _place(fields: Fields, key: str) -> str:
    text = fields.text(key, "")
    if text:
        fields.attempt(fields.line_of(key), text, _plain_place)
    return text


def _plain_place(text: str) -> str:
    try:
        path = steps(text)
    except NotAPlace as error:
        raise ValueError(str(error)) from None
    if text.startswith(".") or not all(isinstance(step, Member) for step in path):
        raise ValueError("members only, like data.code")
    return text


def _answer(fields: Fields, shelf: Shelf) -> Compiled | None:
    name = fields.text("answer", "")
    if not name:
        return None
    return shelf.mapping(name, fields.line_of("answer"), reads="json", writes="command")


def _webhook(fields: Fields, shelf: Shelf) -> Webhook | None:
    if "webhook" not in fields:
        return None
    each = fields.mapping("webhook")
    secret = each.setting("secret")
    mapping = shelf.mapping(
        each.text("mapping"), each.line_of("mapping"), reads="json", writes="command"
    )
    each.done()
    return Webhook(secret, mapping) if mapping else None


# ------------------------------------------------------------ routes


def read_routes(library: Library, name: str) -> tuple[list[Route], list[Finding]]:
    """Read which products a manufacturer makes for which countries."""
    findings = library.findings(f"manufacturers/{name}/routes.yaml")
    document = library.document(findings)
    if document is None:
        return [], findings.found
    fields = Fields(document, findings)
    fields.word("routes", ("1",))
    version = fields.text("version")
    routes = []
    for product, node in fields.entries("products", needed=True):
        each = Fields(node, findings)
        each.text("title")
        countries = frozenset(each.texts("countries", needed=True))
        for country in sorted(countries):
            if not COUNTRY.fullmatch(country):
                each.bad(each.line_of("countries"), f"{country}: ISO 3166, like US")
        each.done()
        routes.append(Route(product, countries, name, version))
    fields.done()
    return routes, findings.found
