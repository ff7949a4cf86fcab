"""Places: how a mapping names a value in a source, whatever the source's format.

A *format* turns the text of a place (``PID-3[5=MR].1``, ``order.patient.mrn``)
into a function once, at compile time; the function is then called per message.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Protocol


class Null(Enum):
    """The one value of ``NULL``; an enum so that ``is`` narrows its type."""

    NULL = "null"


NULL: Final = Null.NULL
"""The sender said "delete this" (HL7 ``""``, JSON ``null`` where it means so)."""

Getter = Callable[[Any], Any]
"""From a node of a source to a value, ``None`` if absent or empty, or ``NULL``.

Raises ``Unmappable`` where the source has several of what is one (two patients).
"""

Walker = Callable[[Any], Sequence[Any]]
"""From a node of a source to the nodes of a group or the repetitions of a field."""


Doubt = Callable[[Any], bool]
"""Asks a node of a source whether a place could mean another value, too."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What asks whether more stands at a place than is read there.

    Attributes:
        parts: More of the same field; ``None`` if there never is.
        others: Others that fit the place as well, and say something else.
        perhaps: Whether to ask at all, answered at less cost; where it says no,
            both others would.
    """

    parts: Doubt | None = None
    others: Doubt | None = None
    perhaps: Doubt | None = None


ALONE: Final = Beside()
"""Of a place that can mean one value only."""


class NotAPlace(ValueError):
    """The text names no place of this format; the message says what would."""


class Format(Protocol):
    """One language of places, and the way back from a tree to bytes."""

    name: str

    def place(self, text: str) -> Getter:
        """Compile a place.

        Raises:
            NotAPlace: ``text`` is not a place of this format.
        """
        ...

    def beside(self, text: str) -> Beside:
        """Compile what asks whether a place could mean another value, too.

        Raises:
            NotAPlace: ``text`` is not a place of this format.
        """
        ...

    def group(self, text: str) -> Walker:
        """Compile what ``each:`` walks: a segment group, repetitions, a list.

        Raises:
            NotAPlace: ``text`` is not a group of this format.
        """
        ...

    def check(self, tree: object) -> Sequence[tuple[tuple[str | int, ...], str]]:
        """Check a template's shape at compile time.

        ``tree`` has the template's dicts and lists with every leaf replaced by
        ``None``. Returns (path, what is wrong) for each fault found.
        """
        ...

    def encode(self, tree: object, options: Mapping[str, str]) -> bytes:
        """Write a rendered tree as bytes.

        Raises:
            Unmappable: A value cannot be represented (``render.unrepresentable``).
        """
        ...
