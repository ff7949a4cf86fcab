"""``start``: from starting the process to its first positive answer."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.arithmetic import median
from tests.bench.baton import baton, command, data_folder
from tests.bench.load import load
from tests.bench.processes import CACHE, Failed, Watch, end, free_port
from tests.bench.report import Report
from tests.bench.samples import sample

PATIENCE_SECONDS = 30.0
ORDERS_BEFORE = 1000
VT, END = b"\x0b", b"\x1c\r"


def measure_start(repeats: int, report: Report) -> None:
    """Measure and print the table.

    Raises:
        Failed: Baton does not start, or refuses an order.
    """
    watch = Watch()
    figures = {
        "Python alone": [_seconds(_python) for _ in range(repeats)],
        "Baton, empty folder": [],
        f"Baton, folder with {ORDERS_BEFORE:,} orders": [],
    }
    _, empty, full = figures.values()
    for _ in range(repeats):
        with data_folder() as folder:
            empty.append(first_answer(folder))
    with data_folder() as folder:
        _fill(folder)
        full.extend(first_answer(folder) for _ in range(repeats))
    for name, values in figures.items():
        report.record("start", what=name, seconds=values)
    _print(figures, report)
    report.say(f"{repeats} starts each; {watch.load()}.", "")


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _python() -> None:
    subprocess.run([sys.executable, "-c", "pass"], check=True)


def _fill(folder: Path) -> None:
    with baton(folder) as server:
        load(server.port, 8, orders=ORDERS_BEFORE)


def first_answer(folder: Path) -> float:
    """Start Baton on ``folder``; return the seconds until its first CA or AA.

    Raises:
        Failed: None came.
    """
    port = free_port()
    log = CACHE / "log" / "start.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    with log.open("wb") as out:
        process = subprocess.Popen(command(folder, port), stdout=out, stderr=out)
    try:
        answer = _ask(port, process)
        elapsed = time.perf_counter() - began
    finally:
        end(process)
    if b"\rMSA|CA|" not in answer and b"\rMSA|AA|" not in answer:
        raise Failed(f"the first answer was not positive; see {log}")
    return elapsed


def _ask(port: int, process: "subprocess.Popen[bytes]") -> bytes:
    """Send one order as soon as somebody listens."""
    order = sample("1_new", process.pid)
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
                peer.sendall(VT + order + END)
                return _frame(peer)
        except ConnectionRefusedError:
            time.sleep(0.002)
    raise Failed(f"Baton does not listen; see {CACHE / 'log' / 'start.log'}")


def _frame(peer: socket.socket) -> bytes:
    received = b""
    while not received.endswith(END):
        data = peer.recv(65536)
        if not data:
            raise Failed("Baton closed the connection instead of answering")
        received += data
    return received


def _print(figures: dict[str, list[float]], report: Report) -> None:
    report.say("## Start: from process start to the first answer", "")
    report.table(
        ["what", "median s", "least", "most"],
        [
            [name, f"{median(v):.3f}", f"{min(v):.3f}", f"{max(v):.3f}"]
            for name, v in figures.items()
        ],
    )
