"""Every store there is. The contract's tests never learn which one they have.

A backend is named by a location, so that a child process can open the same store
(``sqlite:/folder``).
"""

from pathlib import Path

from gateway.store.sqlite import Beside, SqliteStore, open_beside, open_store

AnyStore = SqliteStore
AnyBeside = Beside

BACKENDS = ("sqlite",)


def locate(backend: str, folder: Path) -> str:
    """Name a store that is not there yet."""
    return f"{backend}:{folder / 'store'}"


def opened(location: str) -> AnyStore:
    """Open the store at ``location`` as a server does."""
    return open_store(_folder(location), report=_quietly)


def beside(location: str) -> AnyBeside:
    """Open the store at ``location`` as the command line does."""
    return open_beside(_folder(location))


def _folder(location: str) -> Path:
    return Path(location.partition(":")[2])


def _quietly(where: str) -> None:
    """Say nothing: tests make jobs fail on purpose."""
