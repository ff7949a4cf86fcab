"""The canonical order and its surroundings as places for templates. Read only.

A place is checked against the models when the template is compiled, so a
misspelt field is an error at ``file:line`` and not an empty field at a portal.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import attrgetter
from typing import Any, Final, assert_never

from gateway.core.errors import Problem, Unmappable
from gateway.core.order import Status, TherapyOrder
from gateway.mapping.dotted import Item, Match, Member, Step, steps
from gateway.mapping.places import ALONE, Beside, Getter, NotAPlace, Walker
from gateway.mapping.shapes import Shape, kind_of, members, shape_of


@dataclass(frozen=True, slots=True)
class Told:
    """What happened, as a status message tells it (``core.decide.book.Event``)."""

    kind: str
    status: Status
    occurred_at: datetime
    reported: bool = False
    code: str = ""
    reason: str | None = field(default=None, repr=False)
    scheduled_for: datetime | date | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Parcel:
    """The delivery a template is rendered for.

    Attributes:
        id: The delivery's id, and the control id of an HL7 message.
        key: The idempotency key.
        operation: ``submit``, ``change``, ``cancel`` or ``status``.
    """

    id: str
    key: str
    operation: str


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """The site the order came from."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class FacilityFacts:
    """The facility the order came from."""

    code: str
    name: str
    country: str


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a template may speak about; any value with these attributes will do."""

    order: TherapyOrder
    now: datetime
    event: Told | None = None
    delivery: Parcel | None = None
    site: SiteFacts | None = None
    facility: FacilityFacts | None = None


ROOTS: Final[dict[str, Shape]] = {
    "order": shape_of(TherapyOrder),
    "event": shape_of(Told),
    "delivery": shape_of(Parcel),
    "site": shape_of(SiteFacts),
    "facility": shape_of(FacilityFacts),
    "now": shape_of(datetime),
}
_NOTHING: Final[Sequence[Any]] = ()


class CanonicalFormat:
    """Places over an ``Occasion``, or over one item of a list in it."""

    name = "canonical"

    def __init__(self, item: Shape | None = None) -> None:
        self._item = item

    def place(self, text: str) -> Getter:
        """Compile a place; a leading dot starts at the item walked.

        Raises:
            NotAPlace: The models have no such field.
        """
        path, shape = self._resolve(text)
        if shape.item or shape.value or (shape.model and not shape.kinds):
            raise NotAPlace(f"{text} is {shape.says}; name one value in it")
        if path and all(isinstance(find, attrgetter) for find in path):
            return _dotted(text.removeprefix("."))

        def get(node: Any) -> Any:  # noqa: ANN401 - models of any type
            for find in path:
                node = find(node)
                if node is None:
                    return None
            return None if node == "" else node

        return get

    def beside(self, text: str) -> Beside:  # noqa: ARG002 - whatever the place
        """Return that nothing can stand beside a value: a model holds a value once."""
        return ALONE

    def group(self, text: str) -> Walker:
        """Compile the place of a list."""
        path, shape = self._resolve(text)
        if not shape.item:
            raise NotAPlace(f"{text} is no list")

        def walk(node: Any) -> Sequence[Any]:  # noqa: ANN401 - as above
            for find in path:
                node = find(node)
                if node is None:
                    return _NOTHING
            return node  # type: ignore[no-any-return]  # its shape is a list's

        return walk

    def inside(self, group: str) -> "CanonicalFormat":
        """Return the format of places below an item of ``group``."""
        return CanonicalFormat(self._resolve(group)[1].item)

    def kind(self, text: str) -> str:
        """Return what a place yields (``shapes``)."""
        return kind_of(self._resolve(text)[1])

    def check(self, tree: Any) -> Sequence[tuple[tuple[str | int, ...], str]]:  # noqa: ANN401, ARG002 - nothing is written
        """Find no fault; nothing is written in this format."""
        return ()

    def encode(self, tree: Any, options: Mapping[str, str]) -> bytes:  # noqa: ANN401, ARG002 - as the port has it
        """Refuse: the canonical order is not written by a template."""
        raise Unmappable(Problem("render.unrepresentable", "", "hold"))

    def _resolve(self, text: str) -> tuple[tuple[Callable[[Any], Any], ...], Shape]:
        path = steps(text)
        if text.startswith("."):
            if not self._item:
                raise NotAPlace("a place begins with a dot only inside each:")
            return _follow(path, self._item)
        root = path[0] if path else None
        if not isinstance(root, Member) or root.name not in ROOTS:
            raise NotAPlace(f"a place begins with one of {', '.join(ROOTS)}")
        finders, shape = _follow(path[1:], ROOTS[root.name])
        return (attrgetter(root.name), *finders), shape


def _follow(
    path: Sequence[Step], shape: Shape
) -> tuple[tuple[Callable[[Any], Any], ...], Shape]:
    finders: list[Callable[[Any], Any]] = []
    for step in path:
        find, shape = _step(step, shape)
        finders.append(find)
    return tuple(finders), shape


def _step(step: Step, shape: Shape) -> tuple[Callable[[Any], Any], Shape]:
    match step:
        case Member(name) if shape.value:
            return (lambda node: node.get(name)), shape.value
        case Member(name):
            return attrgetter(name), _member(name, shape)
        case Item(number) if shape.item:
            return (lambda node: _nth(node, number)), shape.item
        case Match(name, value) if shape.item:
            _member(name, shape.item)
            return (lambda node: _matching(node, name, value)), shape.item
        case Item() | Match():
            raise NotAPlace("[ ] picks from a list, and there is none here")
        case _:
            assert_never(step)


def _member(name: str, shape: Shape) -> Shape:
    known = members(shape.model) if shape.model else {}
    if name not in known:
        raise NotAPlace(f"no {name} here, only {', '.join(known) or 'one value'}")
    return known[name].shape


def _dotted(path: str) -> Getter:
    """Read a chain of attributes at once; the models were asked for each already."""
    fetch = attrgetter(path)

    def get(node: Any) -> Any:  # noqa: ANN401 - models of any type
        try:
            value = fetch(node)
        except AttributeError:  # of None: something on the way is absent
            return None
        return None if value == "" else value

    return get


def _nth(items: Sequence[Any], number: int) -> Any:  # noqa: ANN401 - as above
    return items[number - 1] if len(items) >= number else None


def _matching(items: Sequence[Any], name: str, value: str) -> Any:  # noqa: ANN401 - as above
    return next((item for item in items if getattr(item, name) == value), None)
