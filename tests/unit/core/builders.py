"""Made-up orders, patients, commands and views; every default can be said otherwise."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from gateway.core.commands import (
    CancelOrder,
    ChangeOrder,
    CorrectIdentity,
    PatientFacts,
    PlaceOrder,
    ReportStatus,
    UpdatePatient,
)
from gateway.core.decide import Circumstances, Decision
from gateway.core.decide.book import Destination
from gateway.core.order import (
    Alias,
    Identifier,
    Name,
    OrderContent,
    Patient,
    PlacerNumber,
    Product,
    Status,
    TherapyOrder,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SITE = "elmwood"
MAKER = "helix"
MESSAGE = "0123456789ABCDEF"
ANOTHER = Product(code="helix-til")
"""A product that one patient may be given beside the usual one."""
HELD = "hold.identity"
TO_MAKER = Destination(MAKER, "helix-7")
NOWHERE = Destination()


def mrn(value: str = "00042", authority: str = "ELM") -> Identifier:
    """Name a patient at the site."""
    return Identifier(value=value, authority=authority)


def patient(*, family: str = "Example", **said: object) -> Patient:
    """Return a patient as an order gives one."""
    usual = {
        "mrn": mrn(),
        "name": Name(family=family, given="Ada"),
        "birth_date": date(1970, 1, 31),
        "sex": "female",
    }
    return Patient.model_validate(usual | said)


def facts(*identifiers: Identifier, **said: object) -> PatientFacts:
    """Return the patient facts of a message that is no order."""
    usual = {"identifiers": identifiers or (mrn(),)}
    return PatientFacts.model_validate(usual | said)


def number(value: str = "A-1") -> PlacerNumber:
    """Name an order at the site."""
    return PlacerNumber(value=value, namespace="ELM-ORD")


def content(placer: str = "A-1", **said: object) -> OrderContent:
    """Return what a site says of an order; only ``said`` goes beyond the required."""
    required = {
        "placer_number": number(placer),
        "facility": "ELM-MAIN",
        "patient": patient(),
        "product": Product(code="helix-cart"),
    }
    return OrderContent.model_validate(required | said)


def place(placer: str = "A-1", **said: object) -> PlaceOrder:
    """Order NW."""
    return PlaceOrder(command="place", order=content(placer, **said))


def change(placer: str = "A-1", **said: object) -> ChangeOrder:
    """Order XO."""
    return ChangeOrder(command="change", order=content(placer, **said))


def cancel(
    placer: str = "A-1", *, who: PatientFacts | None = None, reason: str | None = None
) -> CancelOrder:
    """Order CA."""
    return CancelOrder(
        command="cancel",
        placer_number=number(placer),
        patient=who or facts(),
        reason=reason,
    )


def update(*identifiers: Identifier, **said: object) -> UpdatePatient:
    """Send an A08."""
    return UpdatePatient(command="update_patient", patient=facts(*identifiers, **said))


def merge(
    survivors: tuple[Identifier, ...],
    prior: tuple[Identifier, ...] = (),
    *,
    event: str = "A40",
) -> CorrectIdentity:
    """Send a member of the merge family."""
    return CorrectIdentity(
        command="correct_identity",
        event=event,
        patients=(facts(*survivors),),
        prior=prior,
    )


def report(order_id: str, status: Status, **said: object) -> ReportStatus:
    """Let a manufacturer say where an order stands."""
    usual = {
        "command": "report_status",
        "order_id": order_id,
        "status": status,
        "party": MAKER,
    }
    return ReportStatus.model_validate(usual | said)


def coi(value: str = "COI-1", issuer: str = MAKER) -> Alias:
    """Return a chain-of-identity number."""
    return Alias(type="COI", issuer=issuer, value=value)


def circumstances(**known: object) -> Circumstances:
    """Return what deciding depends on besides commands and state."""
    usual: dict[str, Any] = {
        "origin": MESSAGE,
        "now": NOON,
        "site": SITE,
        "mapping": "map-1",
        "secret": bytes(16),
        "route": lambda _: TO_MAKER,
    }
    usual.update(known)
    return Circumstances(**usual)


def told(decision: Decision) -> list[tuple[str, str, str]]:
    """List who hears what, and why, in order."""
    return [(t.audience, t.operation, t.event.kind) for t in decision.tellings]


def problems(decision: Decision) -> list[str]:
    """List the problems of the verdict, each with its place."""
    return [str(problem) for problem in decision.verdict.problems]


def alarms(decision: Decision) -> list[str]:
    """List the conditions somebody must see."""
    return [alarm.condition for alarm in decision.alarms]


def again(written: TherapyOrder) -> TherapyOrder:
    """Return an order as it is read after it was written."""
    return TherapyOrder.model_validate_json(written.model_dump_json(exclude_none=True))
