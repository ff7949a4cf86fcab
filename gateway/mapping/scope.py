"""Where a place is read from: the whole source, or an item that ``each:`` walks."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from gateway.mapping.document import Findings
from gateway.mapping.places import Format, NotAPlace, Walker
from gateway.mapping.spec import Source


@runtime_checkable
class Rooted(Protocol):
    """A format whose places begin at the whole source unless they begin with a dot."""

    def inside(self, group: str) -> Format:
        """Return the format of places below an item of ``group``."""
        ...

    def kind(self, text: str) -> str:
        """Return the kind of value a place yields (``shapes``)."""
        ...


@dataclass(frozen=True, slots=True)
class Scope:
    """One level of a mapping: ``item`` is what reads the places of an item."""

    whole: Format
    item: Format | None = None

    def source(self, text: str, line: int, findings: Findings) -> Source:
        """Compile one place; one that is none becomes a finding."""
        try:
            reader, from_root = self._reader(text)
            kind = reader.kind(text) if isinstance(reader, Rooted) else "text"
            place, beside = reader.place(text), reader.beside(text)
            return Source(text, place, kind, from_root, beside)
        except NotAPlace as error:
            findings.add("bad_place", line, f"{text}: {error}")
            return Source(text, _nowhere)

    def group(
        self, text: str, line: int, findings: Findings
    ) -> "tuple[Walker, bool, Scope] | None":
        """Compile what ``each:`` walks: walker, from the whole or not, inner scope."""
        try:
            reader, from_root = self._reader(text)
            inner = reader.inside(text) if isinstance(reader, Rooted) else reader
            return reader.group(text), from_root, Scope(self.whole, inner)
        except NotAPlace as error:
            findings.add("bad_place", line, f"{text}: {error}")
            return None

    def _reader(self, text: str) -> tuple[Format, bool]:
        if not isinstance(self.whole, Rooted):
            return self.whole, False
        if not text.startswith("."):
            return self.whole, self.item is not None
        if self.item is None:
            raise NotAPlace("a place begins with a dot only inside each:")
        return self.item, False


def _nowhere(node: Any) -> None:  # noqa: ANN401 - a source of any format
    """Stand in for a place that could not be compiled."""
