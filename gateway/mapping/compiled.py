"""A mapping that can run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from gateway.core.errors import Problem

Directive = Literal["command", "json", "hl7v2"]


@dataclass(frozen=True, slots=True)
class Compiled:
    """One mapping, checked once; ``version`` is stored with all it makes.

    Attributes:
        path: The file, relative to the mappings folder, for messages and audits.
        version: SHA-256 in hex of the texts it was compiled from (with its code
            tables), as kept by the store.
        text: Those texts, so that any message can be decided again years later.
        run: From a source to rendered trees and problems. A mapping that reads
            commands gives one tree per command. Never raises for bad content.
    """

    path: str
    version: str
    text: str
    reads: str
    writes: Directive
    run: Callable[[Any], tuple[list[Any], list[Problem]]]
