"""Synthetic patients, and the literal pieces HL7 v2 messages are made of.

Nobody here exists: names are made of words for "example", places are invented,
and telephone numbers come from ranges set aside for fiction.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

_ESCAPES = str.maketrans(
    {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"}
)


@dataclass(frozen=True, slots=True)
class Person:
    """A synthetic patient as a hospital knows them; ``sex`` as in table 0001."""

    mrn: str
    family: str
    given: str
    birth_date: date
    sex: str
    middle: str = ""
    weight_kg: str = "71.4"
    phone: str = "+1 312 555 0147"

    def named(self, family: str) -> "Person":
        """Return the same person under another family name."""
        return replace(self, family=family)


ASA = Person("4711008", "Beispiel", "Åsa", date(1971, 4, 9), "F", middle="Maria")
TOMAS = Person("4711009", "Örnek", "Tomás", date(1964, 11, 30), "M")

_FAMILIES = ("Beispiel", "Örnek", "Näide", "Ejemplo", "Exemple", "Mønster")
_GIVEN = (("Åsa", "F"), ("Tomás", "M"), ("Zoë", "F"), ("Jürgen", "M"), ("Noor", "F"))
_ELDEST = date(1941, 1, 1)


def synthetic(n: int) -> Person:
    """Return the ``n``-th of endlessly many patients, each with an MRN of their own.

    Names repeat, as they do in hospitals, and fit ISO 8859-1, so that every sample
    hospital can write them.
    """
    given, sex = _GIVEN[n % len(_GIVEN)]
    return Person(
        mrn=f"{5_000_000 + n}",
        family=_FAMILIES[n % len(_FAMILIES)],
        given=given,
        birth_date=_ELDEST + timedelta(days=37 * n % 25_000),
        sex=sex,
        weight_kg=f"{50 + n % 60}.{n % 10}",
    )


def er7(text: str) -> str:
    """Escape the usual delimiters (HL7 v2.5.1 §2.7)."""
    return text.translate(_ESCAPES)


def message(lines: Iterable[str], charset: str) -> bytes:
    """Join segments as MLLP carries them.

    Raises:
        UnicodeEncodeError: The hospital's character set lacks a letter.
    """
    return "".join(f"{line}\r" for line in lines).encode(charset)


def stamp(moment: datetime, zone: ZoneInfo, *, offset: bool) -> str:
    """Write a time as a hospital in ``zone`` does, with or without its offset."""
    local = moment.astimezone(zone)
    return local.strftime("%Y%m%d%H%M%S%z" if offset else "%Y%m%d%H%M%S")
