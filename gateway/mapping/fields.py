"""Takes known keys out of a map, each as what it must be; the rest is a finding."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Final, TypeVar

from gateway.mapping.document import Findings, ListNode, MapNode, Node, TextNode

T = TypeVar("T")

_DURATION: Final = re.compile(r"(\d{1,6})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
PREFIX: Final = "BATON_"
"""Of the environment variable that holds a setting."""
_SETTING: Final = re.compile(r"[A-Z][A-Z0-9_]*")


class Fields:
    """One map while it is read: every key is asked for, or unknown.

    A wrong or missing value is recorded and replaced by an empty one, so that
    all that is wrong with a file is found at once.
    """

    def __init__(self, node: Node | None, findings: Findings, line: int = 1) -> None:
        self.findings = findings
        self.line = node.line if node else line
        self._map = node if isinstance(node, MapNode) else None
        self._asked: set[str] = set()
        if node is not None and self._map is None:
            findings.add("not_a_map", node.line)

    def __contains__(self, key: str) -> bool:
        return self._map is not None and key in self._map.entries

    def node(self, key: str, *, needed: bool = False) -> Node | None:
        """Return the value of ``key`` as it stands."""
        self._asked.add(key)
        if self._map and key in self._map.entries:
            return self._map.entries[key]
        if needed and self._map:
            self.findings.add("missing_key", self.line, key)
        return None

    def line_of(self, key: str) -> int:
        """Return the line of ``key``, or of the map if it is absent."""
        return self._map.lines.get(key, self.line) if self._map else self.line

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text; without ``default`` the key is needed."""
        node = self.node(key, needed=default is None)
        return (default or "") if node is None else self._text(node)

    def word(self, key: str, choices: Iterable[str], default: str | None = None) -> str:
        """Return one of ``choices``."""
        known = tuple(choices)
        node = self.node(key, needed=default is None)
        text = (default or "") if node is None else self._text(node)
        if node is not None and text not in known:
            self.bad(node.line, f"{text}: one of {', '.join(known)}")
            return default or known[0]
        return text

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return ``true`` or ``false``."""
        return self.word(key, ("true", "false"), str(default).lower()) == "true"

    def texts(self, key: str, *, needed: bool = False) -> tuple[str, ...]:
        """Return a list of texts; a single text is a list of one."""
        node = self.node(key, needed=needed)
        if node is None:
            return ()
        items = node.items if isinstance(node, ListNode) else (node,)
        return tuple(self._text(item) for item in items)

    def items(self, key: str, *, needed: bool = False) -> tuple[Node, ...]:
        """Return the nodes of a list."""
        node = self.node(key, needed=needed)
        if node is None or isinstance(node, ListNode):
            return node.items if node else ()
        self.findings.add("not_a_list", node.line)
        return ()

    def entries(self, key: str, *, needed: bool = False) -> Iterator[tuple[str, Node]]:
        """Yield keys and values of a map whose keys are free."""
        node = self.node(key, needed=needed)
        if isinstance(node, MapNode):
            yield from node.entries.items()
        elif node is not None:
            self.findings.add("not_a_map", node.line)

    def mapping(self, key: str, *, needed: bool = False) -> "Fields":
        """Return the map below ``key``; absent, it is empty."""
        node = self.node(key, needed=needed)
        return Fields(node, self.findings, self.line)

    def duration(self, key: str, default: timedelta | None = None) -> timedelta:
        """Return a length of time, written ``5s``, ``1m``, ``2h`` or ``3d``."""
        node = self.node(key, needed=default is None)
        if node is None:
            return default or timedelta(0)
        return self.parsed(node, duration, timedelta(0))

    def durations(self, key: str, default: tuple[str, ...]) -> tuple[timedelta, ...]:
        """Return a list of lengths of time."""
        if key not in self:
            return tuple(duration(text) for text in default)
        nodes = self.items(key)
        return tuple(self.parsed(node, duration, timedelta(0)) for node in nodes)

    def setting(self, key: str) -> str:
        """Return the variable of a setting, which is written ``{ setting: NAME }``."""
        node = self.node(key, needed=True)
        if node is None:
            return ""
        inner = Fields(node, self.findings)
        name = inner.text("setting")
        if name and not _SETTING.fullmatch(name):
            self.bad(node.line, f"{name}: a setting's name is written LIKE_THIS")
        inner.done()
        return PREFIX + name

    def parsed(self, node: Node, parse: Callable[[str], T], instead: T) -> T:
        """Return ``parse`` of a node's text, or ``instead`` after a finding."""
        found = self.attempt(node.line, self._text(node), parse)
        return instead if found is None else found

    def attempt(self, line: int, text: str, read: Callable[[str], T]) -> T | None:
        """Return ``read(text)``; a ``ValueError`` from it is a finding."""
        try:
            return read(text)
        except ValueError as error:
            self.bad(line, f"{text}: {error}")
            return None

    def bad(self, line: int, detail: str) -> None:
        """Record a value that cannot be used."""
        self.findings.add("bad_value", line, detail)

    def done(self) -> None:
        """Record every key nobody asked for."""
        if self._map is None:
            return
        for key, line in self._map.lines.items():
            if key not in self._asked:
                self.findings.add("unknown_key", line, key)

    def _text(self, node: Node) -> str:
        if isinstance(node, TextNode):
            return node.text
        self.findings.add("not_a_text", node.line)
        return ""


def duration(text: str) -> timedelta:
    """Read ``5s``, ``1m``, ``2h`` or ``3d``.

    Raises:
        ValueError: It is written otherwise.
    """
    found = _DURATION.fullmatch(text)
    if not found:
        raise ValueError("a duration is written 5s, 1m, 2h or 3d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
