"""``intake``: orders stored and answered a second, beside peers and the disk.

Every server gets the same orders from the same generator, in alternating rounds.
Baton reads, maps, validates, decides, writes ledger and outbox, and commits before
it answers; a peer does what its row says. Nothing is delivered meanwhile.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.bench.arithmetic import median, ratio
from tests.bench.baton import NAME, fresh_baton
from tests.bench.disk import durable_appends
from tests.bench.harness import Harness, Peer, usable
from tests.bench.load import Result, load
from tests.bench.processes import Failed, Running, Watch, free_port, running
from tests.bench.report import Report, times

PEERS = (
    "c_ack_nostore",
    "c_ack_fdatasync_group",
    "py_uvloop_sqlite_group",
    "python-hl7+sqlite",
    "medplum-hl7+sqlite",
)
STORED_BY_BATON = "read, mapped, decided: message, verdict, ledger, outbox"
LIMIT_SECONDS = 0.7


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure, and for how long."""

    rounds: int
    seconds: float
    conns: tuple[int, ...]
    peers: tuple[str, ...]


@dataclass(slots=True)
class Row:
    """One server's measurements, by number of connections and round."""

    name: str
    stored: str
    results: dict[int, dict[int, Result]] = field(default_factory=dict)
    cpu: list[float] = field(default_factory=list)
    rss: list[float] = field(default_factory=list)

    def rates(self, conns: int) -> dict[int, float]:
        """Return acks/s by round."""
        found = self.results.get(conns, {})
        return {number: result.acks_per_s for number, result in found.items()}

    def errors(self) -> int:
        """Count what was not a positive, matching answer."""
        return sum(r.errors for by in self.results.values() for r in by.values())


def measure_intake(plan: Plan, report: Report) -> None:
    """Measure and print the table."""
    harness, peers = usable("peers.json", plan.peers, "Intake", report)
    ours = Row(NAME, STORED_BY_BATON)
    rows = [ours, *(Row(peer.name, peer.stored) for peer in peers)]
    limits: dict[int, dict[int, float]] = {n: {} for n in plan.conns}
    watch = Watch()
    for number in range(plan.rounds):
        for n in plan.conns:
            limits[n][number] = durable_appends(n, LIMIT_SECONDS)
        for row in rows if number % 2 == 0 else rows[::-1]:
            peer = next((p for p in peers if p.name == row.name), None)
            _measure(row, harness, peer, number, plan, report)
    report.errors += ours.errors()
    _print(rows, limits, plan, report)
    report.say(f"{plan.rounds} rounds of {plan.seconds:g} s; {watch.load()}.", "")


@contextmanager
def _server(harness: Harness | None, peer: Peer | None) -> Iterator[Running]:
    if harness is None or peer is None:
        with fresh_baton() as server:
            yield server
        return
    port = free_port()
    command = harness.command(peer, port)
    with running(peer.name, command, port, harness.env) as server:
        yield server


def _measure(
    row: Row,
    harness: Harness | None,
    peer: Peer | None,
    number: int,
    plan: Plan,
    report: Report,
) -> None:
    try:
        with _server(harness, peer) as server:
            used, acked = server.cpu_seconds(), 0
            for conns in plan.conns:
                result = load(server.port, conns, duration=plan.seconds, warmup=1)
                row.results.setdefault(conns, {})[number] = result
                acked += result.acked
                _tell(row.name, number, result, report)
            row.cpu.append(1000 * (server.cpu_seconds() - used) / max(1, acked))
            row.rss.append(server.rss_mb())
    except Failed as error:
        report.lacks(f"Intake of {row.name}", str(error))


def _tell(name: str, number: int, result: Result, report: Report) -> None:
    raw = result.raw
    report.record("intake", server=name, round=number, **raw)
    why = f", first: {result.first_error}" if result.errors else ""
    report.progress(
        f"round {number + 1}  {name:<24} {raw['conns']:>3} connections "
        f"{result.acks_per_s:>9,.0f}/s  p50 {result.p50:.2f}  p99 {result.p99:.2f} ms  "
        f"{result.errors} errors{why}"
    )


def _print(
    rows: list[Row],
    limits: dict[int, dict[int, float]],
    plan: Plan,
    report: Report,
) -> None:
    ours = rows[0]
    over = "/".join(str(n) for n in plan.conns)
    report.say("## Intake", "")
    report.table(
        [
            "server",
            "durable before its answer",
            *(f"{n} conn: acks/s (p50 / p99 ms)" for n in plan.conns),
            f"Baton is, at {over}",
            "CPU ms/message",
            "RSS MiB",
            "errors",
        ],
        [
            *(_cells(row, ours, plan.conns) for row in rows),
            _limit_cells(limits, ours, plan.conns),
        ],
    )


def _cells(row: Row, ours: Row, conns: Sequence[int]) -> list[str]:
    against = [times(ratio(ours.rates(n), row.rates(n))) for n in conns]
    return [
        row.name,
        row.stored,
        *(_figures(list(row.results.get(n, {}).values())) for n in conns),
        "-" if row is ours else " / ".join(against),
        f"{median(row.cpu):.3f}",
        f"{max(row.rss, default=0):.0f}",
        str(row.errors()),
    ]


def _figures(results: list[Result]) -> str:
    if not results:
        return "-"
    rate = median(r.acks_per_s for r in results)
    p50, p99 = median(r.p50 for r in results), median(r.p99 for r in results)
    return f"{rate:,.0f} ({p50:.2f} / {p99:.2f})"


def _limit_cells(
    limits: dict[int, dict[int, float]], ours: Row, conns: Sequence[int]
) -> list[str]:
    against = [times(ratio(ours.rates(n), limits[n])) for n in conns]
    return [
        "the disk alone",
        "2 KiB appended, one fdatasync for as many as there are connections",
        *(f"{median(limits[n].values()):,.0f}" for n in conns),
        " / ".join(against),
        "-",
        "-",
        "-",
    ]
