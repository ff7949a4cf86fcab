"""What was acknowledged survives ``kill -9`` at any moment, and the books close."""

import subprocess
import sys

import pytest

from tests.contract.store.backends import AnyStore, opened


def killed_after(lines: int, location: str) -> dict[str, str]:
    """Load a store until it has said ``lines`` things, kill it, return them."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.contract.store.loading", location],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        said += process.stdout.readlines()
    whole = [line.split() for line in said if line.endswith("\n")]
    return {subject: kind for kind, subject in whole}


def state_of(store: AnyStore, subject: str, kind: str) -> str | None:
    """Where a message or a delivery stands."""
    show = store.queries.message if kind == "stored" else store.queries.delivery
    shown = show(subject)
    return None if shown is None else str(shown["state"])


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.parametrize("lines", [1, 40, 700])
async def test_what_was_acknowledged_survives_a_kill(location: str, lines: int) -> None:
    said = killed_after(lines, location)

    store = opened(location)
    left = {subject: state_of(store, subject, kind) for subject, kind in said.items()}
    audit = await store.audit()
    await store.close()

    expected = {"stored": "applied", "settled": "delivered"}
    assert len(said) >= lines
    assert left == {subject: expected[kind] for subject, kind in said.items()}
    assert audit.clean, str(audit)
