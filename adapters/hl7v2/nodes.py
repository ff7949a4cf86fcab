"""What a message is made of, and where a place in it is looked up.

``near`` has the nearest segment of each id, ``every`` returns all that are visible;
a node that is of one segment has that before all others:

    Message      all segments
    Scope        a window of segments, and behind it the shared ones before the
                 first window
    Current      one segment of an ``each:``, and behind it where it was found
    Repetition   one repetition of a field, and behind it its segment
"""

from collections.abc import Sequence
from typing import Final, Literal, Protocol

from adapters.hl7v2.dialect import Dialect
from adapters.hl7v2.header import Msh
from gateway.core.errors import Problem, Unmappable

LineEnds = Literal["cr", "any"]

ID: Final = 3
ORDER: Final = "ORC"
NULL: Final = '""'
"""Deletes what it stands for (HL7 v2.5.1 §2.5.3.1)."""
PARTS_OF_AN_ORDER: Final = frozenset(
    {
        *("BPO", "BPX", "BTX", "DG1", "OBR", "OBX"),
        *("RXA", "RXD", "RXE", "RXG", "RXO", "TQ1"),
    }
)
"""Segments that belong to the ORC before them (HL7 v2.5.1 chapters 4 and 7)."""
PATIENT: Final = "PID"
"""Who a message is about; with two of them, position does not say who is meant."""


class Segment:
    """One segment as sent: its id and its text, escapes and all.

    Attributes:
        simple: Nothing in it is escaped, deleted or has subcomponents, so that a
            component stands for itself; known once it is split.
        repeats: Some field may have repetitions; known once it is split.
        divided: Something in it may have repetitions or subcomponents; likewise.
        component: Separates components.
    """

    __slots__ = (
        *("component", "dialect", "divided", "id"),
        *("parts", "repeats", "simple", "text"),
    )

    def __init__(self, text: str, dialect: Dialect) -> None:
        self.id = text[:ID]
        self.text = text
        self.dialect = dialect
        self.parts: list[str] | None = None

    def split(self) -> list[str]:
        """Split into ``parts``: ``parts[n]`` is field n, ``parts[0]`` the id."""
        marks, text = self.dialect, self.text
        parts = text.split(marks.field)
        if self.id == "MSH":  # MSH-1 is the separator itself
            parts.insert(1, marks.field)
        self.parts = parts
        self.component = marks.component
        self.repeats = marks.repetition in text
        below = marks.subcomponent in text
        self.divided = self.repeats or below
        self.simple = not (below or marks.escape in text or NULL in text)
        return parts

    def raw(self, field: int) -> str:
        """Return a whole field as sent, ``""`` if absent."""
        parts = self.parts or self.split()
        return parts[field] if field < len(parts) else ""


class Several(Segment):
    """Stands for the patient of a message with several: whoever reads it is told."""

    __slots__ = ()

    def split(self) -> list[str]:
        """Refuse.

        Raises:
            Unmappable: It is one of several patients (``segment.repeated``).
        """
        raise Unmappable(Problem("segment.repeated", f"{PATIENT}[2]"))


class Node(Protocol):
    """Where a place is looked up."""

    @property
    def id(self) -> str:
        """Id of the one segment this node is, or is in; else ``""``."""
        ...

    @property
    def segment(self) -> Segment | None:
        """That segment."""
        ...

    @property
    def near(self) -> dict[str, Segment]:
        """The nearest segment of each id; of several patients ``Several``."""
        ...

    def every(self, name: str) -> Sequence[Segment]:
        """Return all visible segments with the id ``name``, in message order."""
        ...

    @property
    def scope(self) -> "Scope":
        """The window this node lies in."""
        ...


class Scope:
    """A window of segments; ``outer`` is what is visible besides it.

    ``indexes`` holds, by what was asked of segments (``OBX``, field, component),
    the segments with each value. ``crowded`` tells that the whole message
    has several patients, also where the window shows but one.
    """

    __slots__ = (
        *("by_id", "crowded", "id", "indexes"),
        *("near", "outer", "segment", "segments"),
    )

    def __init__(
        self,
        segments: list[Segment],
        outer: "Scope | None" = None,
        *,
        crowded: bool = False,
    ) -> None:
        self.id = ""
        self.segment: Segment | None = None
        self.segments = segments
        self.outer = outer
        self.crowded = crowded
        self.by_id: dict[str, list[Segment]] = {}
        self.near: dict[str, Segment] = {} if outer is None else outer.near.copy()
        self.indexes: dict[str, dict[object, list[Segment]]] = {}
        by_id, near = self.by_id, self.near
        for segment in segments:
            name = segment.id
            if name in by_id:
                by_id[name].append(segment)
            else:
                by_id[name] = [segment]
                near[name] = segment
        if crowded:
            self._hide_patients()

    def _hide_patients(self) -> None:
        shown = self.near.get(PATIENT)
        if shown is not None:
            self.near[PATIENT] = Several(shown.text, shown.dialect)

    def nearest(self, name: str) -> Segment | None:
        """Return the first in the window, else behind it, whoever the patient is."""
        found = self.by_id.get(name)
        if found is not None:
            return found[0]
        return None if self.outer is None else self.outer.nearest(name)

    def every(self, name: str) -> Sequence[Segment]:
        """Return those behind the window, then those in it."""
        here = self.by_id.get(name, [])
        return here if self.outer is None else [*self.outer.every(name), *here]

    @property
    def scope(self) -> "Scope":
        """Itself."""
        return self

    def windows(self, anchor: str) -> list["Scope"]:
        """Cut into windows, each from one ``anchor`` segment to the next.

        What stands before the first is shared by all. A window of what is part
        of an order ends at the next ORC too, and sees its own order's ORC.
        """
        behind = [] if self.outer is None else self.outer.windows(anchor)
        if anchor not in PARTS_OF_AN_ORDER or ORDER not in self.by_id:
            return behind + self.cut(anchor)
        orders = self.cut(ORDER)
        before = orders[0].outer
        rooms = orders if before is None else [before, *orders]
        return behind + [window for room in rooms for window in room.cut(anchor)]

    def cut(self, anchor: str) -> list["Scope"]:
        """Cut this window at each ``anchor``, whatever it is.

        A window that begins with a patient is about that one.
        """
        starts = [n for n, segment in enumerate(self.segments) if segment.id == anchor]
        if not starts:
            return []
        crowded = self.crowded and anchor != PATIENT
        shared = Scope(self.segments[: starts[0]], self.outer, crowded=crowded)
        ends = [*starts[1:], len(self.segments)]
        return [
            Scope(self.segments[a:b], shared, crowded=crowded)
            for a, b in zip(starts, ends, strict=True)
        ]


class Message(Scope):
    """A whole message.

    Attributes:
        notes: What was tolerated: each a problem whose consequence is ``note``.
    """

    __slots__ = ("dialect", "line_ends", "notes")

    def __init__(
        self, segments: list[Segment], msh: Msh, dialect: Dialect, line_ends: LineEnds
    ) -> None:
        super().__init__(segments)
        if len(self.by_id.get(PATIENT, ())) > 1:
            self.crowded = True
            self._hide_patients()
        self.dialect = dialect
        self.line_ends: LineEnds = line_ends
        self.notes = msh.notes


class Current:
    """The segment an ``each:`` stands at."""

    __slots__ = ("id", "near", "outer", "segment")

    def __init__(self, segment: Segment, outer: Scope) -> None:
        self.id = segment.id
        self.segment = segment
        self.near = outer.near
        self.outer = outer

    def every(self, name: str) -> Sequence[Segment]:
        """Return all that are visible from where this one was found."""
        return self.outer.every(name)

    @property
    def scope(self) -> Scope:
        """Where it was found."""
        return self.outer


class Repetition(Current):
    """The repetition of a field an ``each:`` stands at."""

    __slots__ = ("text",)

    def __init__(self, text: str, segment: Segment, outer: Scope) -> None:
        super().__init__(segment, outer)
        self.text = text
