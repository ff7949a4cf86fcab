"""``e2e``: from an order on the wire to the portal: once each, in order, how late.

Baton is measured with orders of three messages each and the stub portal; the
peers' pipelines with the harness's own program, messages and receiver.
"""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tests.bench.arithmetic import median, percentile
from tests.bench.baton import NAME, fresh_baton
from tests.bench.harness import Harness, usable
from tests.bench.lanes import STEPS, Delivered, compare, sent_from
from tests.bench.load import load
from tests.bench.portal import Portal, portal
from tests.bench.processes import CACHE, Failed, Watch, free_port
from tests.bench.report import Report

PEERS = ("medplum+better-sqlite3+undici", "python-hl7+sqlite+httpx")
WARM_UP_ORDERS = 100
QUIET_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure."""

    rounds: int
    messages: int
    conns: int
    peers: tuple[str, ...]
    fail_every: int = 0
    drop_every: int = 0

    @property
    def orders(self) -> int:
        """How many orders make that many messages."""
        return max(1, self.messages // len(STEPS))


@dataclass(frozen=True, slots=True)
class Run:
    """One pipeline in one round; times in milliseconds."""

    intake: float
    delivered: float
    p50: float
    p99: float
    lost: int
    duplicates: int
    disorder: str
    cpu: float
    errors: int


def measure_delivery(plan: Plan, report: Report) -> None:
    """Measure and print the table."""
    harness, peers = usable("e2e.json", plan.peers, "Delivery", report)
    runs: dict[str, list[Run]] = {NAME: [], **{peer.name: [] for peer in peers}}
    order = list(runs)
    watch = Watch()
    for number in range(plan.rounds):
        for name in order if number % 2 == 0 else order[::-1]:
            try:
                run = _run(name, harness, plan)
            except Failed as error:
                report.lacks(f"Delivery of {name}", str(error))
                continue
            runs[name].append(run)
            report.record("e2e", server=name, round=number, run=run)
            report.progress(f"round {number + 1}  {name:<32} {run}")
    report.errors += sum(run.errors + run.lost for run in runs[NAME])
    _print(runs, report)
    report.say(
        f"{plan.rounds} rounds of {plan.messages} messages over {plan.conns} "
        f"connections; {watch.load()}.",
        "",
    )


def _run(name: str, harness: Harness | None, plan: Plan) -> Run:
    if name == NAME or harness is None:
        return _run_baton(plan)
    return _run_peer(name, harness, plan)


def _run_baton(plan: Plan) -> Run:
    trace = CACHE / "trace.txt"
    faults = (plan.fail_every, plan.drop_every)
    with portal(*faults) as receiver, fresh_baton(receiver.url) as server:
        load(server.port, plan.conns, orders=WARM_UP_ORDERS)
        settle(receiver, WARM_UP_ORDERS * len(STEPS))
        receiver.reset()
        used = server.cpu_seconds()
        result = load(server.port, plan.conns, orders=plan.orders, trace=trace)
        settle(receiver, plan.orders * len(STEPS))
        used = server.cpu_seconds() - used
        found = compare(sent_from(trace.read_text()), receiver.arrivals())
    return _summary(found, result.acks_per_s, result.errors, used / result.acked)


def _summary(found: Delivered, intake: float, errors: int, cpu: float) -> Run:
    return Run(
        intake=intake,
        delivered=found.per_second,
        p50=percentile(found.latencies, 0.5),
        p99=percentile(found.latencies, 0.99),
        lost=found.missing,
        duplicates=found.duplicates + found.doubled,
        disorder=f"{found.out_of_order} lanes",
        cpu=1000 * cpu,
        errors=errors,
    )


def settle(receiver: Portal, wanted: int) -> None:
    """Wait until ``wanted`` requests arrived, or nothing has for a while.

    Then half a second more, in which a late duplicate would still come.
    """
    last, since = -1, time.monotonic()
    while time.monotonic() - since < QUIET_SECONDS:
        stats = receiver.stats()
        if stats["unique"] >= wanted:
            break
        if stats["deliveries"] != last:
            last, since = stats["deliveries"], time.monotonic()
        time.sleep(0.05)
    time.sleep(0.5)


def _run_peer(name: str, harness: Harness, plan: Plan) -> Run:
    out = harness.scratch / "e2e.jsonl"
    out.unlink(missing_ok=True)
    done = subprocess.run(
        _peer_command(name, harness, plan, out),
        env={**os.environ, **harness.env},
        capture_output=True,
        text=True,
        check=False,
    )
    if not out.exists():
        raise Failed(f"the harness's e2e.py failed: {done.stderr.strip()[-300:]}")
    raw: dict[str, Any] = orjson.loads(out.read_text().splitlines()[-1])
    if "failed" in raw:
        raise Failed(raw["failed"])
    return Run(
        intake=raw["intake_acks_per_s"],
        delivered=raw["delivered_per_s"],
        p50=raw["e2e_ms"]["p50"],
        p99=raw["e2e_ms"]["p99"],
        lost=raw["lost_after_ack"],
        duplicates=raw["duplicates"],
        disorder=f"{raw['order_breaks']} arrivals",
        cpu=raw["server_cpu_ms_per_msg"],
        errors=raw["intake_errors"],
    )


def _peer_command(name: str, harness: Harness, plan: Plan, out: Path) -> list[str]:
    options: dict[str, object] = {
        "only": name,
        "count": plan.messages,
        "conns": plan.conns,
        "rounds": 1,
        "fail-every": plan.fail_every,
        "drop-every": plan.drop_every,
        "stub-port": free_port(),
        "out": out,
    }
    flags = [f"--{option}={value}" for option, value in options.items()]
    return [sys.executable, str(harness.folder / "e2e.py"), *flags]


def _print(runs: dict[str, list[Run]], report: Report) -> None:
    report.say("## From order to portal", "")
    report.table(
        [
            "pipeline",
            "answered/s",
            "delivered/s",
            "p50 / p99 ms",
            "lost",
            "twice",
            "out of order",
            "CPU ms/message",
        ],
        (_cells(name, found) for name, found in runs.items() if found),
    )


def _cells(name: str, found: list[Run]) -> list[str]:
    p50 = median(run.p50 for run in found)
    p99 = median(run.p99 for run in found)
    return [
        name,
        f"{median(run.intake for run in found):,.0f}",
        f"{median(run.delivered for run in found):,.0f}",
        f"{p50:,.0f} / {p99:,.0f}",
        str(sum(run.lost for run in found)),
        str(sum(run.duplicates for run in found)),
        " + ".join(run.disorder for run in found),
        f"{median(run.cpu for run in found):.2f}",
    ]
