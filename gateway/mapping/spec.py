"""A mapping's tree after reading and before building: every name is resolved."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.mapping.codes import CodeTable
from gateway.mapping.places import ALONE, Beside, Getter, Walker
from gateway.mapping.transforms import Convert


@dataclass(frozen=True, slots=True)
class Source:
    """One place, compiled.

    ``from_root``: inside ``each:`` it is read from the whole source all the same.
    """

    place: str
    get: Getter
    kind: str = "text"
    from_root: bool = False
    beside: Beside = ALONE


@dataclass(frozen=True, slots=True)
class Condition:
    """A test of one place; ``allowed`` are the texts it passes for, if listed."""

    source: Source
    passes: Callable[[Any], bool]
    allowed: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Const:
    """A fixed value."""

    line: int
    value: Any
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value read from one or more places.

    Attributes:
        unknown: Problem code if ``table`` lacks the value.
        on_unknown: ``reject`` or ``hold``.
        measured: Where the time of a measurement stands, if it was named.
        whole: Problem code if others fit its places as well and say something else;
            then nothing may stand beside them either. ``""``: the first counts.
    """

    line: int
    sources: tuple[Source, ...]
    kind: str = "text"
    convert: Convert | None = None
    table: CodeTable | None = None
    required: bool = False
    unknown: str = "code.unknown"
    on_unknown: str = "reject"
    measured: "Leaf | None" = None
    whole: str = ""


@dataclass(frozen=True, slots=True)
class FirstOf:
    """The first of several leaves that is there; else ``fallback``."""

    line: int
    options: "tuple[Spec, ...]"
    kind: str
    fallback: Const | None = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class When:
    """Something that is there only if every condition holds."""

    line: int
    conditions: tuple[Condition, ...]
    then: "Spec"


@dataclass(frozen=True, slots=True)
class Each:
    """A list with one item for each node of a group; ``deleted`` says of which not."""

    line: int
    group: str
    walk: Walker
    item: "Spec"
    where: tuple[Condition, ...] = ()
    from_root: bool = False
    deleted: tuple[Condition, ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A list written out; an ``Each`` among its items adds all of its own."""

    line: int
    items: "tuple[Spec, ...]"


@dataclass(frozen=True, slots=True)
class Group:
    """Named values."""

    line: int
    entries: "Mapping[str, Spec]" = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)


Spec = Const | Leaf | FirstOf | When | Each | Items | Group
Path = tuple[str, ...]
Origin = tuple[Path, str]
ITEM = "*"


def bare(spec: Spec) -> Spec:
    """Return what a condition guards."""
    while isinstance(spec, When):
        spec = spec.then
    return spec


def is_static(spec: Spec) -> bool:
    """Tell whether nothing in ``spec`` depends on a message."""
    match spec:
        case Const():
            return True
        case Group(entries=entries):
            return all(is_static(entry) for entry in entries.values())
        case Items(items=items):
            return all(is_static(item) for item in items)
        case _:
            return False


def origins(spec: Spec, path: Path = (), group: str = "") -> Iterator[Origin]:
    """Yield each field's path with the place its value comes from."""
    match spec:
        case Leaf(sources=sources):
            place = sources[0].place
            yield path, group + place if place.startswith(".") else place
        case When(then=then):
            yield from origins(then, path, group)
        case FirstOf(options=options):
            yield from origins(options[0], path, group)
        case Each(group=name, item=item):
            inner = group + name if name.startswith(".") else name
            yield path, inner
            flat = isinstance(bare(item), Each)
            yield from origins(item, path if flat else (*path, ITEM), inner)
        case Items(items=items):
            for item in items:
                flat = isinstance(bare(item), Each)
                yield from origins(item, path if flat else (*path, ITEM), group)
        case Group(entries=entries):
            for key, entry in entries.items():
                yield from origins(entry, (*path, key), group)
        case Const():
            return
