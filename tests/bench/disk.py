"""What the disk allows: durable appends a second, alone and in groups."""

import os
import time
from pathlib import Path

from tests.bench.processes import CACHE

MESSAGE = os.urandom(2048)


def durable_appends(group: int, seconds: float, folder: Path = CACHE) -> float:
    """Append 2 KiB messages, one ``fdatasync`` a ``group``; return messages/s."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "limit.bin"
    file = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_APPEND)
    sync = getattr(os, "fdatasync", os.fsync)
    written = 0
    began = time.perf_counter()
    try:
        while time.perf_counter() - began < seconds:
            for _ in range(group):
                os.write(file, MESSAGE)
            sync(file)
            written += group
        return written / (time.perf_counter() - began)
    finally:
        os.close(file)
        path.unlink()
