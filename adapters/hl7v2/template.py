r"""Templates: a list of segments, written as one message.

    - PID: {"3.1": …, "3.4.1": …, "3[2].1": …, "7": …}

A key is ``field[repetition].component.sub``; what is not written is the first.
Lists may be nested, as an ``each:`` leaves them. Absent values are left out, and a
segment without any value too; ``NULL`` is written as ``""``. OBX-1 is counted from 1
after each OBR, where the template does not write it. MSH is no part of a
template: it is made from the options, whose values are written as they are given,
so that an application may be ``BATON^1.2.3^ISO``.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from itertools import combinations
from typing import Final

from adapters.hl7v2 import charset
from adapters.hl7v2.dialect import Dialect, standard
from adapters.hl7v2.er7 import place_at
from gateway.core.errors import Problem, Unmappable
from gateway.mapping.places import NULL

Path = tuple[str | int, ...]
Address = tuple[int, ...]
"""Field, repetition, component, sub."""

_ID: Final = re.compile(r"[A-Z][A-Z0-9]{2}")
_N: Final = r"([1-9][0-9]{0,2})"
_KEY: Final = re.compile(rf"{_N}(?:\[{_N}\])?(?:\.{_N}(?:\.{_N})?)?")
_STRUCTURAL: Final = re.compile(r"[|\x00-\x1f]")

_HEADER: Final = {
    3: "application",
    4: "facility",
    5: "receiving_application",
    6: "receiving_facility",
    7: "sent_at",
    9: "type",
    10: "control_id",
    11: "processing_id",
    12: "version",
    15: "accept_ack",
    16: "application_ack",
    18: "charset",
}
_REQUIRED: Final = frozenset({7, 9, 10, 11, 12})


def check(tree: object) -> list[tuple[Path, str]]:
    """Return (path, what is wrong) for each fault of a template's shape."""
    if not isinstance(tree, list):
        return [((), "a message is a list of segments")]
    return list(_faults(tree, ()))


def encode(tree: object, options: Mapping[str, str]) -> bytes:
    """Write a rendered template as one message in the charset of the options.

    Raises:
        Unmappable: ``charset.unknown``, ``field.missing`` for an option, or
            ``render.unrepresentable``, each at its place (hold).
    """
    codec = charset.codec(options.get("charset", ""))
    if codec is None:
        raise Unmappable(charset.UNKNOWN)
    marks = standard(codec)
    segments = (_msh(options, marks), *_segments(tree, marks))
    text = "".join(f"{each}\r" for each in segments)
    try:
        return text.encode(codec)
    except UnicodeEncodeError as error:
        place = place_at(text[: error.start], marks.field, "cr")
    raise _unrepresentable(place)


def _faults(tree: list[object], path: Path) -> Iterator[tuple[Path, str]]:
    for n, item in enumerate(tree):
        here = (*path, n)
        if isinstance(item, list):
            yield from _faults(item, here)
        elif not isinstance(item, dict) or len(item) != 1:
            yield here, "a segment is written {PID: {…}}"
        else:
            ((name, fields),) = item.items()
            yield from _segment_faults(name, fields, (*here, str(name)))


def _segment_faults(
    name: object, fields: object, path: Path
) -> Iterator[tuple[Path, str]]:
    if not isinstance(name, str) or not _ID.fullmatch(name):
        yield path, "a segment id has three characters, such as PID"
    elif name == "MSH":
        yield path, "MSH is made from the options; leave it out"
    if not isinstance(fields, dict):
        yield path, "the fields of a segment are written {3.1: …, 5: …}"
        return
    written: dict[object, Address] = {}
    for key, leaf in fields.items():
        # YAML reads 3.10 as the number 3.1.
        found = None if isinstance(key, float) else _KEY.fullmatch(str(key))
        if found is None:
            yield (*path, str(key)), 'a field is written 3, "3.1", "3.4.1" or "3[2].1"'
        elif leaf is not None:
            yield (*path, str(key)), "a field holds one value"
        else:
            written[key] = _written(found)
    for (one, a), (other, b) in combinations(written.items(), 2):
        if a[: len(b)] == b[: len(a)]:
            yield (*path, str(other)), f"overlaps with {one}"


def _written(found: re.Match[str]) -> Address:
    field, repetition, *rest = found.groups()
    return (int(field), int(repetition or 1), *(int(n) for n in rest if n))


def _pairs(tree: object) -> Iterator[tuple[str, Mapping[object, object]]]:
    if isinstance(tree, list):
        for item in tree:
            yield from _pairs(item)
    elif isinstance(tree, dict):
        yield from tree.items()


def _segments(tree: object, marks: Dialect) -> Iterator[str]:
    counted = 0
    for name, values in _pairs(tree):
        set_id = str(counted + 1) if name == "OBX" else ""
        segment = _segment(name, values, marks, set_id)
        if segment:
            yield segment
            counted = 0 if name == "OBR" else counted + bool(set_id)


def _segment(
    name: str, values: Mapping[object, object], marks: Dialect, set_id: str
) -> str:
    leaves = {}
    for key, value in values.items():
        text = _leaf(value, f"{name}-{key}", marks)
        if text:
            leaves[_address(str(key))] = text
    if leaves and set_id:
        leaves.setdefault(_address("1"), set_id)
    separators = (marks.field, marks.repetition, marks.component, marks.subcomponent)
    return f"{name}{marks.field}{_joined(leaves, separators)}" if leaves else ""


@cache  # the keys of the templates in use, which are few
def _address(key: str) -> Address:
    found = _KEY.fullmatch(key)
    return tuple(int(n or 1) for n in found.groups()) if found else ()


def _joined(leaves: Mapping[Address, str], separators: Sequence[str]) -> str:
    if not separators:
        return leaves[()]
    inner: dict[int, dict[Address, str]] = {}
    for (first, *rest), text in leaves.items():
        inner.setdefault(first, {})[tuple(rest)] = text
    return separators[0].join(
        _joined(inner[n], separators[1:]) if n in inner else ""
        for n in range(1, max(inner) + 1)
    )


def _leaf(value: object, place: str, marks: Dialect) -> str:
    if value is None:
        return ""
    if value is NULL:
        return '""'
    if isinstance(value, Decimal):
        value = format(value, "f")
    elif isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    # A text of two quotes would be read as an order to delete.
    if not isinstance(value, str) or value == '""':
        raise _unrepresentable(place)
    return marks.escaped(value)


def _msh(options: Mapping[str, str], marks: Dialect) -> str:
    fields = ["MSH", marks.encoding_characters]
    for n in range(3, max(_HEADER) + 1):
        text = options.get(_HEADER.get(n, ""), "")
        if _STRUCTURAL.search(text):
            raise _unrepresentable(f"MSH-{n}")
        if not text and n in _REQUIRED:
            raise Unmappable(Problem("field.missing", f"MSH-{n}", "hold"))
        fields.append(text)
    return marks.field.join(fields).rstrip(marks.field)


def _unrepresentable(place: str) -> Unmappable:
    return Unmappable(Problem("render.unrepresentable", place, "hold"))
