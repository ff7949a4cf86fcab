"""Values that are whole or refused: who the patient is, which order, what, how much.

Elsewhere the first counts of what a place could mean, as HL7 has it. Here nothing is
cut away: where more stands at the place than is read, the message is refused. That
goes by the field of the canonical model, so that no mapping can forget it.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, get_args

from gateway.core.commands import Command, PatientFacts, ReportStatus
from gateway.core.order import (
    Alias,
    Consent,
    Identifier,
    Model,
    Observation,
    OrderContent,
    Patient,
    PlacerNumber,
    Product,
)
from gateway.mapping.spec import (
    ITEM,
    Each,
    FirstOf,
    Group,
    Items,
    Leaf,
    Path,
    Spec,
    When,
    bare,
)

MORE_THAN_ONE: Final = "field.more_than_one"

FIELDS: Final[dict[type[Model], tuple[str, ...]]] = {
    **dict.fromkeys(get_args(get_args(Command)[0]), ("command",)),
    ReportStatus: ("command", "order_id", "status", "manufacturer_number"),
    Identifier: ("value", "authority", "type"),
    PlacerNumber: ("value", "namespace"),
    Alias: ("type", "issuer", "value"),
    Patient: ("birth_date", "sex", "deceased"),
    PatientFacts: ("birth_date", "sex"),
    Product: ("code",),
    OrderContent: ("facility", "weight", "height"),
    Observation: ("code", "value", "result", "status"),
    Consent: ("type", "given"),
}


def whole(model: type, field: str) -> str:
    """Return what it is called if a field could be two; ``""`` if the first counts."""
    if field not in FIELDS.get(model, ()):
        return ""
    return "patient.two_numbers" if model is Identifier else MORE_THAN_ONE


def marked(  # noqa: PLR0911 - one per case
    spec: Spec, codes: Mapping[Path, str], path: Path = ()
) -> Spec:
    """Return ``spec`` with every leaf marked that fills one of these fields."""
    match spec:
        case Leaf():
            return replace(spec, whole=codes.get(path, ""))
        case FirstOf(options=options):
            return replace(spec, options=tuple(marked(o, codes, path) for o in options))
        case When(then=then):
            return replace(spec, then=marked(then, codes, path))
        case Each(item=item):
            return replace(spec, item=marked(item, codes, _inside(item, path)))
        case Items(items=items):
            inner = (marked(item, codes, _inside(item, path)) for item in items)
            return replace(spec, items=tuple(inner))
        case Group(entries=entries):
            inside = {k: marked(e, codes, (*path, k)) for k, e in entries.items()}
            return replace(spec, entries=inside)
        case _:
            return spec


def _inside(item: Spec, path: Path) -> Path:
    return path if isinstance(bare(item), Each) else (*path, ITEM)
