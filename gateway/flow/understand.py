"""From an envelope to commands: who sent it, may they, and what does it ask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway.core.agreements import Conventions
from gateway.core.commands import (
    CancelOrder,
    ChangeOrder,
    Command,
    CorrectIdentity,
    PlaceOrder,
    ReportStatus,
    UpdatePatient,
)
from gateway.core.decide.orders import key_of
from gateway.core.decide.status import reported_numbers
from gateway.core.effects import Keys, NumberKey, OrderKey, PatientKey
from gateway.core.errors import Problem, Unreadable
from gateway.core.identity import record_numbers
from gateway.core.order import Identifier
from gateway.core.verdict import MessageState, Refusal, Verdict
from gateway.mapping.catalog import Catalog
from gateway.mapping.compiled import Compiled
from gateway.mapping.json_format import read_json
from gateway.mapping.profile import Portal
from gateway.mapping.site import Site
from gateway.ports import Header, Peer, Reader

STRANGER = Verdict(
    MessageState.REJECTED,
    (Problem("sender.stranger", "MSH-3"),),
    Refusal.STRANGER,
    "sender not recognised",
)

FAILED = Verdict(MessageState.HELD, (Problem("message.failed", "", "hold"),))
"""A fault of ours: the message is kept until it is repaired."""

PRODUCTION = "P"
STANDARD = Conventions()


@dataclass(frozen=True, slots=True)
class Understood:
    """What a message asks, or the verdict that ends it before it is decided.

    A message held for its content has both: a person may let it go on.
    """

    commands: tuple[Command, ...] = ()
    verdict: Verdict | None = None
    mapping: str = ""
    notes: tuple[Problem, ...] = ()


def recognise(catalog: Catalog, header: Header, peer: Peer | None) -> Site | None:
    """Find the one site a message comes from: by network, then MSH-3 and MSH-4.

    A catch-all site takes whom no other site names. What says that it is production
    traffic (MSH-11 P) is no test: unless such a site may take it, its sender is a
    stranger. ``peer`` is ``None`` for a stored message, whose network was checked
    when it came.
    """
    sites = catalog.sites.values()
    reachable = [s for s in sites if peer is None or peer.address in s.networks]
    for site in reachable:
        if not site.catch_all and may_send(site, header):
            return site
    if header.processing_id == PRODUCTION:
        reachable = [s for s in reachable if PRODUCTION in s.processing_ids]
    return next((site for site in reachable if site.catch_all), None)


def may_send(site: Site, header: Header) -> bool:
    """Tell whether the site's file names MSH-3 and MSH-4 of a message."""
    application, facility = header.application, header.facility
    senders = site.senders
    return (
        (application, facility) in senders
        or (application, "*") in senders
        or ("*", facility) in senders
    )


def understand(reader: Reader, header: Header, body: bytes, site: Site) -> Understood:
    """Read and map one message of ``site``. Pure; bad content is a verdict."""
    ended = _not_for_us(header, site)
    if ended is not None:
        return Understood(verdict=ended)
    if header.type in site.ignore:
        return Understood(verdict=_ignored(reader, header, body, site))
    mapping = site.messages[header.type]
    try:
        source = reader.read(header, body, conventions(site))
    except Unreadable as error:
        return Understood(verdict=judged(error.problems), mapping=mapping.version)
    return _mapped(mapping, source, tuple(getattr(source, "notes", ())))


def understand_report(portal: Portal, body: bytes) -> Understood:
    """Read and map one webhook of a portal."""
    if portal.webhook is None:
        return Understood(verdict=STRANGER)
    try:
        source = read_json(body)
    except Unreadable as error:
        return Understood(verdict=judged(error.problems))
    return _mapped(portal.webhook.mapping, source)


def _mapped(
    mapping: Compiled,
    source: Any,  # noqa: ANN401 - a source's type is its reader's business
    notes: tuple[Problem, ...] = (),
) -> Understood:
    commands, problems = mapping.run(source)
    if problems:
        return Understood(tuple(commands), judged(problems), mapping.version)
    return Understood(tuple(commands), mapping=mapping.version, notes=notes)


def _not_for_us(header: Header, site: Site) -> Verdict | None:
    if site.problems:
        paused = Problem("site.paused", site.name)
        return Verdict(MessageState.REJECTED, (paused,), Refusal.UNAVAILABLE)
    if header.processing_id not in site.processing_ids:
        return _unsupported("message.processing_id", "MSH-11")
    if header.type not in site.messages and header.type not in site.ignore:
        family = header.type.partition("^")[0] + "^"
        handled = (*site.messages, *site.ignore)
        if any(type_.startswith(family) for type_ in handled):
            return _unsupported("message.unsupported_event", "MSH-9.2")
        return _unsupported("message.unsupported_type", "MSH-9.1")
    return None


def _ignored(reader: Reader, header: Header, body: bytes, site: Site) -> Verdict:
    """Do nothing with a message, unless a second one is lost with it.

    Nothing of it is used, so what cannot be read in it is noted and holds up
    neither the sender nor a person.
    """
    try:
        source = reader.read(header, body, conventions(site))
        found = tuple(getattr(source, "notes", ()))
    except Unreadable as error:
        found = error.problems
        if _of_the_frame(found):
            return judged(found)
    notes = tuple(replace(problem, consequence="note") for problem in found)
    return Verdict(MessageState.NO_EFFECT, notes, text=site.remark)


def _of_the_frame(problems: Sequence[Problem]) -> bool:
    """Tell whether what came is not one whole message."""
    return any(problem.code.startswith("message.") for problem in problems)


def _unsupported(code: str, where: str) -> Verdict:
    problem = Problem(code, where)
    return Verdict(MessageState.REJECTED, (problem,), Refusal.UNSUPPORTED)


def judged(problems: Sequence[Problem]) -> Verdict:
    """Turn problems into a verdict: one that must be refused outweighs holds."""
    found = tuple(dict.fromkeys(problems))
    if any(p.consequence == "reject" for p in found):
        unreadable = _of_the_frame(found)
        refusal = Refusal.UNREADABLE if unreadable else Refusal.CONTENT
        return Verdict(MessageState.REJECTED, found, refusal)
    return Verdict(MessageState.HELD, found)


def conventions(site: Site | None) -> Conventions:
    """Return how ``site`` speaks, or the standard's defaults for a stranger."""
    return STANDARD if site is None else site.interface


def look_ups(commands: Sequence[Command], site: str) -> Mapping[str, Any]:
    """Say what state the commands need, as fields of ``Keys``."""
    orders: dict[OrderKey, None] = {}
    ids: dict[str, None] = {}
    patients: dict[PatientKey, None] = {}
    numbers: dict[NumberKey, None] = {}
    for command in commands:
        match command:
            case PlaceOrder(order=order):
                orders[key_of(site, order.placer_number)] = None
                patients |= patient_keys(site, record_numbers(order.patient))
            case ChangeOrder(order=order):
                orders[key_of(site, order.placer_number)] = None
            case CancelOrder(placer_number=number):
                orders[key_of(site, number)] = None
            case UpdatePatient(patient=patient):
                patients |= patient_keys(site, patient.identifiers)
            case CorrectIdentity():
                for patient in command.patients:
                    patients |= patient_keys(site, patient.identifiers)
                patients |= patient_keys(site, command.prior)
            case ReportStatus():
                ids[command.order_id] = None
                numbers |= dict.fromkeys(reported_numbers(command))
    return {
        "orders": tuple(orders),
        "order_ids": tuple(ids),
        "patients": tuple(patients),
        "numbers": tuple(numbers),
    }


def patient_keys(
    site: str, identifiers: Sequence[Identifier]
) -> dict[PatientKey, None]:
    """Return what the store is asked for a patient's orders by."""
    return {PatientKey(site, i.authority, i.value): None for i in identifiers}


def keys_for(commands: Sequence[Command], site: str, **known: Any) -> Keys:  # noqa: ANN401 - the other fields of Keys
    """Return the keys of a message with these commands."""
    return Keys(**look_ups(commands, site), **known)
