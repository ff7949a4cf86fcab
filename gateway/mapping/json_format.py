"""JSON as a format of places: read from portals, written to them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from gateway.core.errors import Problem, Unmappable, Unreadable
from gateway.mapping.dotted import Item, Match, Member, Step, steps
from gateway.mapping.places import ALONE, Beside, Getter, Walker

_NOTHING: Final[Sequence[Any]] = ()

DEPTH = 64
"""Lists and maps within one another; deeper ones are nobody's status report."""


class JsonFormat:
    """Places over what ``orjson.loads`` returns.

    Numbers and booleans are read as their text, so that code tables and
    transforms see one kind of value. ``null`` and ``""`` are absent.
    """

    name = "json"

    def place(self, text: str) -> Getter:
        """Compile a place; a leading dot starts at the item walked."""
        path = tuple(_finder(step) for step in steps(text))
        if len(path) == 1:
            find = path[0]
            return lambda node: _read(find(node))

        def get(node: Any) -> Any:  # noqa: ANN401 - JSON is of any type
            for find in path:
                node = find(node)
                if node is None:
                    return None
            return _read(node)

        return get

    def beside(self, text: str) -> Beside:
        """Compile what asks for another item that ``[name=value]`` fits as well."""
        path = steps(text)
        if not any(isinstance(step, Match) for step in path):
            return ALONE

        def others(node: Any) -> bool:  # noqa: ANN401 - as above
            found = [value for value in _every(node, path) if value is not None]
            return any(value != found[0] for value in found)

        return Beside(others=others)

    def group(self, text: str) -> Walker:
        """Compile the place of a list; a single object counts as a list of one."""
        path = tuple(_finder(step) for step in steps(text))

        def walk(node: Any) -> Sequence[Any]:  # noqa: ANN401 - as above
            for find in path:
                node = find(node)
            if node is None:
                return _NOTHING
            return node if isinstance(node, list) else (node,)

        return walk

    def inside(self, group: str) -> "JsonFormat":  # noqa: ARG002 - any item may follow
        """Return the format of places below an item of ``group``."""
        return self

    def kind(self, text: str) -> str:  # noqa: ARG002 - whatever the place
        """Return what a place yields: always text."""
        return "text"

    def check(self, tree: Any) -> Sequence[tuple[tuple[str | int, ...], str]]:  # noqa: ANN401, ARG002 - every tree is JSON
        """Find no fault: JSON has no shape of its own."""
        return ()

    def encode(self, tree: Any, options: Mapping[str, str]) -> bytes:  # noqa: ANN401, ARG002 - as the port has it
        """Write a tree as UTF-8.

        Raises:
            Unmappable: A value is no JSON value, such as a lone surrogate.
        """
        try:
            return orjson.dumps(tree)
        except TypeError:
            problem = Problem("render.unrepresentable", "", "hold")
            raise Unmappable(problem) from None


def read_json(body: bytes) -> Any:  # noqa: ANN401 - JSON is of any type
    """Read a body as a source for this format's places.

    Raises:
        Unreadable: It is not JSON, or nested deeper than ``DEPTH``.
    """
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Unreadable(Problem("body.not_json")) from None
    if _too_deep(tree):
        raise Unreadable(Problem("body.too_deep"))
    return tree


def _too_deep(tree: Any) -> bool:  # noqa: ANN401 - as above
    level: list[Any] = [[tree]]
    for _ in range(DEPTH + 1):
        level = [
            inner
            for node in level
            for inner in (node.values() if isinstance(node, dict) else node)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True


def _read(value: Any) -> Any:  # noqa: ANN401 - as above
    if value.__class__ is str:
        return value or None
    if value is None or isinstance(value, (dict, list)):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


def _finder(step: Step) -> Callable[[Any], Any]:
    match step:
        case Member(name):
            return lambda node: node.get(name) if isinstance(node, dict) else None
        case Item(number):
            return lambda node: (
                node[number - 1]
                if isinstance(node, list) and len(node) >= number
                else None
            )
        case Match(name, value):
            return lambda node: _matching(node, name, value)


def _every(node: Any, path: Sequence[Step]) -> Iterator[Any]:  # noqa: ANN401 - as above
    """Yield the value in every item that the path fits."""
    if node is None or not path:
        yield _read(node)
    elif isinstance(path[0], Match):
        for item in node if isinstance(node, list) else ():
            if _matching([item], path[0].name, path[0].value) is not None:
                yield from _every(item, path[1:])
    else:
        yield from _every(_finder(path[0])(node), path[1:])


def _matching(node: Any, name: str, value: str) -> Any:  # noqa: ANN401 - as above
    for item in node if isinstance(node, list) else ():
        if isinstance(item, dict) and _read(item.get(name)) == value:
            return item
    return None
