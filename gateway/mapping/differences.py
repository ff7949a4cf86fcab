"""Where an example's result differs from what is expected, and how.

Values are quoted: examples are made up, and ``baton check`` is for their authors.
"""

from itertools import zip_longest
from typing import Any, Final

import orjson

# JSON values, of any type JSON has.
# ruff: noqa: ANN401

LONGEST: Final = 80
"""Characters of a value that are quoted."""


def difference(expected: Any, actual: Any, path: str = "") -> str:
    """Describe the first place where two JSON values differ, ``""`` if none."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return _of_members(expected, actual, path)
    if isinstance(expected, list) and isinstance(actual, list):
        return _of_items(expected, actual, path)
    if type(expected) is type(actual) and expected == actual:
        return ""
    return _told(path or "value", _quoted(expected), _quoted(actual))


def in_segments(expected: str, actual: str) -> str:
    """Describe the first segment that differs, ``""`` if none does."""
    pairs = zip_longest(expected.splitlines(), actual.splitlines())
    for n, (wanted, found) in enumerate(pairs, 1):
        if wanted != found:
            return _told(f"segment {n}", wanted or "none", found or "none")
    return ""


def _of_members(expected: dict[str, Any], actual: dict[str, Any], path: str) -> str:
    for key in dict.fromkeys([*expected, *actual]):
        inner = f"{path}.{key}".lstrip(".")
        if key not in actual:
            return _told(inner, _quoted(expected[key]), "none")
        if key not in expected:
            return _told(inner, "none", _quoted(actual[key]))
        if found := difference(expected[key], actual[key], inner):
            return found
    return ""


def _of_items(expected: list[Any], actual: list[Any], path: str) -> str:
    for n, pair in enumerate(zip(expected, actual, strict=False), 1):
        if found := difference(*pair, f"{path}[{n}]"):
            return found
    if len(expected) == len(actual):
        return ""
    return _told(path or "length", f"{len(expected)} items", str(len(actual)))


def _told(place: str, expected: str, actual: str) -> str:
    return f"{place}: expected {expected}, got {actual}"


def _quoted(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
