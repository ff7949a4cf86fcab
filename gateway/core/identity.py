"""Is this still the same person? The first rule set (``docs/architecture.md`` §7).

Same person for an order = same (assigning authority, MRN) + birth date + sex. Their
name is compared too, since twins registered under one number share all three.
Values are compared code point by code point: nothing is folded or normalised,
since "nearly equal" is how cells reach the wrong patient. Only blanks around a
number are left out when it is read (ADR 0015).
"""

import hashlib
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import orjson

from gateway.core.commands import PatientFacts
from gateway.core.order import Identifier, Name, Patient, TherapyOrder


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a message's patient compares with a ledger's.

    Attributes:
        conflicts: Canonical places that differ and decide who the person is.
        renamed: Parts of the name that are said to be another.
    """

    conflicts: tuple[str, ...]
    renamed: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.conflicts and not self.renamed


def record_numbers(patient: Patient) -> list[Identifier]:
    """Return a patient's numbers of the issuer of the record number, that one first.

    National and insurance numbers are left out: those that stand for an unknown one
    are shared by many.
    """
    mrn = patient.mrn
    return [mrn, *(i for i in patient.identifiers if i.authority == mrn.authority)]


def may_be_one(one: Patient, other: Patient) -> bool:
    """Tell whether a record number of one is a number of the other."""
    first, second = ({_key(p.mrn), *map(_key, p.identifiers)} for p in (one, other))
    mine, theirs = ({_key(i) for i in record_numbers(p)} for p in (one, other))
    return not (mine.isdisjoint(second) and theirs.isdisjoint(first))


def compare_patient(ledger: Patient, said: Patient) -> Comparison:
    """Compare two full patients, as an order message gives them."""
    conflicts = [
        place
        for place, differs in (
            ("patient.mrn", _key(ledger.mrn) != _key(said.mrn)),
            ("patient.birth_date", ledger.birth_date != said.birth_date),
            ("patient.sex", ledger.sex != said.sex),
        )
        if differs
    ]
    return Comparison(tuple(conflicts), _renamed(ledger.name, said.name))


def compare_facts(ledger: Patient, said: PatientFacts) -> Comparison:
    """Compare the facts of a message that is no full order; the unsaid agrees."""
    known = {_key(identifier) for identifier in said.identifiers}
    conflicts = [
        place
        for place, differs in (
            ("patient.mrn", _key(ledger.mrn) not in known),
            ("patient.birth_date", said.birth_date not in (None, ledger.birth_date)),
            ("patient.sex", said.sex not in (None, ledger.sex)),
        )
        if differs
    ]
    renamed = () if said.name is None else _renamed(ledger.name, said.name)
    return Comparison(tuple(conflicts), renamed)


def _renamed(ledger: Name, said: Name) -> tuple[str, ...]:
    """Name the parts that differ; a part that one of the two lacks does not."""
    return tuple(
        f"patient.name.{part}"
        for part in ("family", "given", "suffix")
        if (was := getattr(ledger, part))
        and (now := getattr(said, part))
        and was != now
    )


def identity_digest(order: TherapyOrder) -> bytes:
    """Hash whose cells these are: order and patient.

    A delivery keeps the digest it was made from; it is compared with the ledger's
    again when it is sent (G10). The chain-of-identity number is left out: it is
    bound once, often after the first delivery, and guarded by its own rule.
    """
    patient = order.patient
    mrn = patient.mrn
    return _digest(order.id, mrn.authority, mrn.value, patient.birth_date, patient.sex)


@lru_cache(maxsize=1024)  # asked for with every message and every delivery of an order
def _digest(*parts: str | date) -> bytes:
    return hashlib.sha256(orjson.dumps(parts)).digest()


def _key(identifier: Identifier) -> tuple[str, str]:
    return (identifier.authority, identifier.value)
