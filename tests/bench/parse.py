"""``parse``: reading one order, and reading, mapping and validating it.

Processor time, so that what else the machine does weighs little. The libraries get
text, we get bytes: decoding is part of our figure and of neither of theirs.
"""

import time
from collections.abc import Callable
from functools import partial

import hl7
from hl7apy.parser import parse_message

from gateway.app.wiring import Parts
from gateway.core.agreements import Conventions
from gateway.flow.understand import understand
from gateway.mapping.site import Site
from gateway.ports import Reader
from tests.bench.arithmetic import median
from tests.bench.baton import MAPPINGS
from tests.bench.processes import Failed, Watch
from tests.bench.report import Report, times
from tests.bench.samples import samples

PLACES = ("MSH-9", "MSH-10", "PID-3", "PID-5", "PV1-2")
BATCH_SECONDS = 0.05

Works = dict[str, Callable[[], None]]


def measure_parse(rounds: int, report: Report) -> None:
    """Measure and print both tables.

    Raises:
        Failed: The bench's own mappings do not compile, or refuse the orders.
    """
    watch = Watch()
    parts = Parts()
    site = parts.load(MAPPINGS).sites["bench"]
    reader: Reader = parts.hl7v2.reader()
    messages = samples()
    ours: Works = {
        name: partial(_understood, reader, site, body)
        for name, body in messages.items()
    }
    body = messages["1_new"]
    read: Works = {
        "Baton": _reading(parts, reader, body),
        "python-hl7": partial(_python_hl7, body.decode()),
        "hl7apy": partial(_hl7apy, body.decode()),
    }
    figures = _alternate({**ours, **read}, rounds)
    for name, value in figures.items():
        report.record("parse", what=name, microseconds=value)
    _print_understanding(messages, figures, report)
    _print_reading(read, figures, len(body), report)
    report.say(f"{rounds} batches each; {watch.load()}.", "")


def _understood(reader: Reader, site: Site, body: bytes) -> None:
    header, unusable = reader.peek(body)
    understood = understand(reader, header, body, site)
    if unusable or understood.verdict or not understood.commands:
        raise Failed(
            "an order of the bench is not understood: see tests/bench/mappings"
        )


def _reading(parts: Parts, reader: Reader, body: bytes) -> Callable[[], None]:
    places = [parts.hl7v2.format().place(place) for place in PLACES]
    spoken = Conventions()

    def read() -> None:
        header, _ = reader.peek(body)
        source = reader.read(header, body, spoken)
        for place in places:
            place(source)

    return read


def _python_hl7(text: str) -> None:
    message = hl7.parse(text)
    for place in PLACES:
        segment, field = place.split("-")
        str(message.segment(segment)[int(field)])


def _hl7apy(text: str) -> None:
    message = parse_message(text)
    patient = message.omg_o19_patient
    visit = patient.omg_o19_patient_visit.pv1
    fields = (patient.pid.pid_3, patient.pid.pid_5, visit.pv1_2)
    for field in (message.msh.msh_9, message.msh.msh_10, *fields):
        field.to_er7()


def _alternate(works: Works, rounds: int) -> dict[str, float]:
    """Return each work's median processor time a call, in µs."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds + 1):
        for name, work in works.items():
            value = _batch(work)
            if number:  # the first round warms up
                found[name].append(value)
    return {name: median(values) for name, values in found.items()}


def _batch(work: Callable[[], None]) -> float:
    calls, began = 0, time.process_time_ns()
    while (spent := time.process_time_ns() - began) < BATCH_SECONDS * 1e9:
        for _ in range(5):
            work()
        calls += 5
    return spent / calls / 1000


def _print_understanding(
    messages: dict[str, bytes], figures: dict[str, float], report: Report
) -> None:
    report.say("## Reading, mapping and validating an order", "")
    rows = [
        [name, f"{len(body):,}", f"{figures[name]:,.0f}", f"{1e6 / figures[name]:,.0f}"]
        for name, body in messages.items()
    ]
    mean = sum(figures[name] for name in messages) / len(messages)
    size = sum(map(len, messages.values())) / len(messages)
    rows.append(["mean", f"{size:,.0f}", f"{mean:,.0f}", f"{1e6 / mean:,.0f}"])
    report.table(["message", "bytes", "µs, median", "a second, one core"], rows)


def _print_reading(
    read: Works,
    figures: dict[str, float],
    size: int,
    report: Report,
) -> None:
    report.say(f"## Reading alone: {size:,} bytes, five fields", "")
    ours = figures["Baton"]
    report.table(
        ["reader", "µs, median", "Baton is"],
        [
            [name, f"{figures[name]:,.1f}", times(figures[name] / ours) + " faster"]
            if name != "Baton"
            else [name, f"{ours:,.1f}", "-"]
            for name in read
        ],
    )
