"""G13: marked names go through every failure, and through no artefact.

One run per module makes everything go wrong that can; each test then searches one
kind of artefact for the marks.
"""

import contextlib
import io
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import NoReturn

import aiohttp
import orjson
import pytest
import pytest_asyncio
import structlog

from adapters.hl7v2.connection import Connection
from adapters.hl7v2.mllp import encode
from conformance.simulators.ehr import Answer, NoAnswer, Raw
from conformance.simulators.messages import Person
from conformance.simulators.portal_faults import Break, Garble, Refuse, Reset
from gateway.app.telemetry import configure_logs
from gateway.flow import deciding, intake
from tests.conformance.scene import Scene, changed, heavier, staged

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

CANARY = Person("ZZMRN47", "Zzfamily", "Zzgiven", date(1901, 1, 13), "F", phone="+1 ZZ")
SECRETS = ("zzmrn", "zzfamily", "zzgiven", "19010113", "1901-01-13", "+1 zz", "orchard")
"""What says who somebody is, in lower case."""
NUMBERS = ("zznumber", "zzcontrol")
"""What a hospital calls its orders and messages: for listings, not for the log."""


@dataclass
class Traces:
    """What a run left behind, as text, and what happened in it."""

    log: str
    metrics: str
    listings: dict[str, str]
    answers: list[bytes]
    requests: list[str]
    stored: bytes


class Trouble:
    """Everything that can go wrong, for one marked patient after the other."""

    def __init__(self, scene: Scene, patch: pytest.MonkeyPatch) -> None:
        self.scene = scene
        self.portal = scene.stage.portal
        self._patch = patch
        self._made = 0

    def marked(self) -> tuple[str, Person]:
        """Return an order number and a person, both marked."""
        self._made += 1
        return f"ZZNUMBER{self._made}", replace(CANARY, mrn=f"ZZMRN{self._made}")

    def new(self, product: str = "CART19H") -> bytes:
        return self.scene.st_elm.new_order(*self.marked(), product=product)

    async def send(self, message: bytes) -> None:
        """Send a message whose control id is marked, too."""
        number = f"ZZCONTROL{self._made:04d}".encode()
        fields = message.split(b"|", 10)
        await self.scene.send("st_elm", message.replace(fields[9], number, 1))
        self._made += 1

    async def placed(self) -> tuple[str, Person, str]:
        number, person = self.marked()
        await self.send(self.scene.st_elm.new_order(number, person))
        return number, person, (await self.scene.rests(number))["id"]

    async def at_the_door(self) -> None:
        """Rejected and held for every reason of content."""
        await self.send(self.new(product="ZZFAMILY"))
        for old, new in (
            (b"|19010113|", b"|ZZ19010113|"),
            (b"UNICODE UTF-8", b"ZZFAMILY"),
            (b"Please call", b"\xff\xfe"),
            (b"||NEG^", b"||ZZFAMILY^"),
            (b"|kg^", b"|Zzfamily^"),
            (b"OMG^O19^OMG_O19", b"OMG^O99^Zzfamily"),
            (b"|2.5.1|", b"|Zzfamily|"),
            (b"|P|", b"|Zzfamily|"),
            (b"|ELMCARE|STELM|", b"|Zzfamily|Zzgiven|"),
            (b"ORC|NW|", b"ORC|ZZ|"),
            (b"ORC|NW|ZZNUMBER", b"ORC|NW|ZZNUMBERX"),
        ):
            await self.send(changed(self.new(), old, new))

    async def in_the_ledger(self) -> None:
        """Another patient, a second order, an early change, a merge, a rename."""
        elm = self.scene.st_elm
        number, person, _ = await self.placed()
        other = replace(person, birth_date=date(1913, 1, 1))
        await self.send(elm.new_order(number, heavier(person)))
        await self.send(elm.change_order(number, other))
        await self.send(elm.update_person(person.named("Zzfamily-Two")))
        await self.send(elm.merge(self.marked()[1], person.mrn))
        await self.send(elm.merge(person, person.mrn))
        await self.send(elm.cancel_order("ZZNUMBER0", person))

    async def at_the_portal(self) -> None:
        """Refusals, resets and answers that quote the patient."""
        quoting = orjson.dumps({"code": "Zzfamily", "errors": [{"was": "ZZMRN47"}]})
        for fault in (
            Refuse(422, "Zzfamily"),
            Refuse(302, "Zzfamily"),
            Reset("answering"),
            Break(500),
            Garble(quoting),
            Garble(b"Zzfamily"),
        ):
            self.portal.faults.next(fault)
        orders = [self.marked() for _ in range(6)]
        for number, person in orders:
            await self.send(self.scene.st_elm.new_order(number, person))
        for number, _ in orders:
            await self.scene.rests(number)

    async def from_the_portal(self) -> None:
        """Webhooks that are forged, broken, unknown, or quote the patient."""
        _, _, order_id = await self.placed()
        report = self.scene.webhook
        await report(order_id, "order.rejected", secret="whsec_enpmYW1pbHk=")
        await report("Zzfamily", "order.accepted")
        await report(order_id, "Zzfamily")
        await report(order_id, "order.accepted", body=b"{Zzfamily")
        await report(order_id, "order.accepted", scheduledFor="Zzfamily")
        await report(order_id, "order.accepted", coi="C-47")
        await report(order_id, "order.accepted", coi="C-48")
        port = self.scene.stage.server.http_port
        async with aiohttp.ClientSession() as session:
            for path in ("/webhooks/helix", "/v1/orders", "/v1/orders/none"):
                url = f"http://127.0.0.1:{port}{path}"
                async with session.post(url, data=b"{Zzfamily") as answer:
                    await answer.read()

    async def at_the_hospital(self) -> None:
        """Negative and unreadable answers to our statuses."""
        receiver = self.scene.hospital("rheintal").receiver
        for behaviour in (
            Answer("AE"),
            Answer("AA", b"Zzfamily"),
            Raw(encode(b"Zzfamily\r")),
        ):
            receiver.behave(behaviour)
            number, person = self.marked()
            order = self.scene.rheintal.new_order(number, person)
            await self.scene.send("rheintal", order)
            await self.scene.rests(number)

    async def within(self) -> None:
        """Bugs of our own, whose exceptions quote the patient."""
        for module, name in (
            (deciding, "decide"),
            (intake, "understand"),
            (Connection, "_pump"),
        ):
            with self._broken(module, name), contextlib.suppress(NoAnswer, OSError):
                await self.send(self.new())
        _, _, order_id = await self.placed()
        with self._broken(intake, "understand_report"):
            await self.scene.webhook(order_id, "order.accepted")
        (sender,) = [
            dispatcher._target.sender
            for dispatcher in self.scene.gateway._dispatchers
            if dispatcher._target.manufacturer
        ]
        with self._broken(sender, "send"):
            await self.send(self.new())
            await self.scene.sees(self._failed_attempt)

    async def _failed_attempt(self) -> bool:
        busy = await self.scene.rows("deliveries", state="leased")
        return bool(busy)

    @contextlib.contextmanager
    def _broken(self, owner: object, name: str) -> Iterator[None]:
        def fail(*_: object, **__: object) -> NoReturn:
            raise ValueError("Zzfamily ZZMRN47 1901-01-13")

        with self._patch.context() as patch:
            patch.setattr(owner, name, fail)
            yield


@contextlib.contextmanager
def logged() -> Iterator[Callable[[], str]]:
    """Catch whatever is logged or printed as an error, by anybody."""
    caught = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
    handler = logging.StreamHandler(caught)
    root, level = logging.getLogger(), logging.getLogger().level
    with contextlib.redirect_stderr(caught):
        configure_logs()
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        try:
            yield lambda: caught.buffer.getvalue().decode()
        finally:
            root.setLevel(level)
            root.removeHandler(handler)
            structlog.reset_defaults()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def traces(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Traces]:
    folder = tmp_path_factory.mktemp("canary")
    with logged() as log, pytest.MonkeyPatch.context() as patch:
        async with staged(folder) as scene:
            trouble = Trouble(scene, patch)
            await trouble.at_the_door()
            await trouble.in_the_ledger()
            await trouble.at_the_portal()
            await trouble.from_the_portal()
            await trouble.at_the_hospital()
            await trouble.within()
            found = await collected(scene)
        found.log = log()
    yield found


async def collected(scene: Scene) -> Traces:
    kinds = ("messages", "orders", "deliveries", "alarms", "operator_log")
    return Traces(
        log="",
        metrics=(await scene.gateway.metrics()).decode(),
        listings={
            kind: orjson.dumps(await scene.rows(kind), default=str).decode()
            for kind in kinds
        },
        answers=[
            ack.body for h in scene.stage.hospitals.values() for ack in h.sender.acks
        ],
        requests=[seen.client_reference for seen in scene.stage.portal.requests],
        stored=b"".join(body for (body,) in scene.sql("SELECT body FROM messages")),
    )


def found_in(text: str, marks: tuple[str, ...]) -> list[str]:
    lines = text.lower().splitlines()
    return [line for line in lines if any(mark in line for mark in marks)]


async def test_g13_the_failures_happened(traces: Traces) -> None:
    """What the marks are searched in is no empty run."""
    for code in (
        *("code.unknown", "field.not_a_date", "charset.unknown", "charset.mismatch"),
        *("field.unit_unknown", "message.unsupported_event", "message.processing_id"),
        *("message.unsupported_version", "command.unlisted"),
        *("order.placer_mismatch", "order.second_new", "identity.conflict"),
        *("patient.merge_into_itself", "order.unknown", "message.failed"),
        *("coi.conflict", "body.not_json"),
    ):
        assert f'"{code}"' in traces.listings["messages"], code
    for code in ("http.422", "delivery.outcome_unknown"):
        assert f'"{code}"' in traces.listings["deliveries"], code
    for where in (
        "ValueError at",
        "http.redirect",
        '"outcome":"unknown"',
        '"outcome":"rejected"',
    ):
        assert where in traces.log, where
    assert b"Zzfamily" in traces.stored
    assert traces.answers


async def test_g13_the_log_names_nobody(traces: Traces) -> None:
    assert found_in(traces.log, (*SECRETS, *NUMBERS)) == []


async def test_g13_the_metrics_name_nobody(traces: Traces) -> None:
    assert "baton_messages_now" in traces.metrics
    assert found_in(traces.metrics, (*SECRETS, *NUMBERS)) == []


@pytest.mark.parametrize("kind", ["messages", "orders", "deliveries", "operator_log"])
async def test_g13_the_listings_name_nobody(traces: Traces, kind: str) -> None:
    assert found_in(traces.listings[kind], SECRETS) == []


async def test_g13_the_alarms_name_nobody_and_no_order_of_a_hospital(
    traces: Traces,
) -> None:
    assert found_in(traces.listings["alarms"], (*SECRETS, *NUMBERS)) == []


async def test_g13_an_answer_tells_no_value_back(traces: Traces) -> None:
    """What is echoed are the header's own fields."""
    for answer in traces.answers:
        verdict = answer[answer.index(b"ERR|") :] if b"ERR|" in answer else b""
        assert found_in(verdict.decode("latin-1"), SECRETS) == []


async def test_g13_addresses_hold_our_own_references_only(traces: Traces) -> None:
    assert found_in("\n".join(traces.requests), (*SECRETS, *NUMBERS)) == []
