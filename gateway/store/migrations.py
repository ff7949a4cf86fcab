"""Numbered migrations: which are there, and which a database still needs.

``sql/<dialect>/NNNN_subject.sql`` is applied once, in order, and remembered with
its checksum. What was applied is never edited: a change is a new migration.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources

from gateway.core.errors import Misconfigured, Problem

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of a schema; ``checksum`` is the SHA-256 of its text, in hex."""

    number: int
    name: str
    text: str = field(repr=False)

    @property
    def checksum(self) -> str:
        """What is compared with the database, to notice an edited file."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Applied:
    """A migration as the database remembers it."""

    number: int
    name: str
    checksum: str


def migrations(dialect: str) -> list[Migration]:
    """Return the migrations of a dialect, in order."""
    folder = resources.files("gateway.store").joinpath("sql", dialect)
    found = [
        Migration(int(match[1]), match[0], file.read_text("utf-8"))
        for file in folder.iterdir()
        if (match := _NAME.fullmatch(file.name))
    ]
    return sorted(found, key=lambda migration: migration.number)


def pending(
    known: Sequence[Migration], applied: Sequence[Applied]
) -> Sequence[Migration]:
    """Return what is still to be applied.

    Raises:
        Misconfigured: ``store.migration_newer``: the database was used by a
            newer release. ``store.migration_changed``: a migration was edited
            after it was applied.
    """
    if len(applied) > len(known):
        raise Misconfigured(Problem("store.migration_newer", applied[-1].name))
    for there, here in zip(applied, known, strict=False):
        if (there.number, there.checksum) != (here.number, here.checksum):
            raise Misconfigured(Problem("store.migration_changed", there.name))
    return known[len(applied) :]
