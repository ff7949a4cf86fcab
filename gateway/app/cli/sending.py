"""``baton send``: send message files over MLLP and show what came back."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.progress import track

from gateway.app.cli.output import AsJson, err, out, print_json

CR, LF = b"\r", b"\n"
CONTROL_ID = 9  # MSH-10 in the fields after MSH-1
POSITIVE = frozenset({"AA", "CA"})


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What one message came to.

    Attributes:
        control_id: MSH-10 of the answer; Baton's own id of the message.
        errors: What each ERR says: its place, code and text.
    """

    file: str
    milliseconds: float
    ack_code: str = ""
    control_id: str = field(default="", repr=False)
    matched: bool = False
    problems: tuple[str, ...] = ()
    text: str = field(default="", repr=False)
    errors: tuple[dict[str, str], ...] = field(default=(), repr=False)

    @property
    def positive(self) -> bool:
        """Whether the receiver took the message."""
        return self.ack_code in POSITIVE and self.matched


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(send)


def send(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False)],
    to: Annotated[str, typer.Option(help="mllp://HOST:PORT")] = "mllp://127.0.0.1:2575",
    connections: Annotated[int, typer.Option(min=1, max=512)] = 1,
    repeat: Annotated[int, typer.Option(min=1, help="Send the files N times.")] = 1,
    exact: Annotated[
        bool, typer.Option(help="Send LF line ends as they are, not as CR.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send HL7 v2 message files and show every answer.

    One file holds one message. A file whose lines end in LF is sent with CR, as
    MLLP has it. Exit status 0 if every answer was positive, 1 if not.

    Example: baton send order.hl7 --to mllp://127.0.0.1:2575
    """
    host, port = _address(to)
    bodies = [(path.name, _body(path, exact=exact)) for path in files] * repeat
    results = asyncio.run(_send_all(host, port, bodies, connections, quiet=as_json))
    for result in results if as_json or len(results) <= 20 else ():  # noqa: PLR2004 - a screenful
        print_json(asdict(result)) if as_json else _show(result)
    _summarise(results)
    if not all(result.positive for result in results):
        raise typer.Exit(1)


def _address(to: str) -> tuple[str, int]:
    try:
        parts = urlsplit(to if "//" in to else f"mllp://{to}")
        host, port = parts.hostname, parts.port or 2575
    except ValueError:  # no port, or no address
        host = None
    if not host or parts.scheme != "mllp":
        raise typer.BadParameter("write it as mllp://HOST:PORT", param_hint="--to")
    return host, port


def _body(path: Path, *, exact: bool) -> bytes:
    body = path.read_bytes()
    if exact or CR in body:
        return body.removesuffix(LF) if not exact else body
    return body.replace(LF, CR)


async def _send_all(
    host: str,
    port: int,
    bodies: list[tuple[str, bytes]],
    connections: int,
    *,
    quiet: bool,
) -> list[Exchanged]:
    from adapters.hl7v2.client import MllpClient

    shown = quiet or len(bodies) < 100  # noqa: PLR2004 - shorter than a progress bar
    waiting: Iterator[tuple[str, bytes]] = iter(
        bodies if shown else track(bodies, "sending", console=err)
    )
    results: list[Exchanged] = []

    async def work() -> None:
        client = MllpClient(host, port)
        for name, body in waiting:
            results.append(await _exchange(client, name, body))
        client.close()

    await asyncio.gather(*(work() for _ in range(min(connections, len(bodies)))))
    return results


async def _exchange(client: object, name: str, body: bytes) -> Exchanged:
    from adapters.hl7v2.client import Garbled, MllpClient, NoAnswer, NotConnected

    assert isinstance(client, MllpClient)  # noqa: S101 - imported late, typed here
    started = time.perf_counter()
    answer, problem = b"", ""
    try:
        answer = await client.exchange(body)
    except (NotConnected, NoAnswer) as error:
        problem = error.evidence
    except Garbled:
        problem = "mllp.unreadable"
    except ValueError:
        problem = "mllp.framing_byte_in_body"
    elapsed = round((time.perf_counter() - started) * 1000, 3)
    if problem:
        return Exchanged(name, elapsed, problems=(problem,))
    return _read(name, elapsed, body, answer)


def _read(name: str, elapsed: float, body: bytes, answer: bytes) -> Exchanged:
    from adapters.hl7v2 import told
    from adapters.hl7v2.ack import parse_answer
    from adapters.hl7v2.header import peek

    reply = parse_answer(answer, peek(body)[0].native.fields[CONTROL_ID])
    return Exchanged(
        name,
        elapsed,
        reply.code,
        told.control_id(answer),
        reply.matched,
        reply.problems,
        reply.text,
        tuple(asdict(error) for error in told.errors(answer)),
    )


def _show(result: Exchanged) -> None:
    said = result.ack_code or "no answer"
    parts = [f"{result.file}: {said} in {result.milliseconds:.1f} ms"]
    if result.control_id:
        parts.append(f"as {result.control_id}")
    parts += [result.text] if result.text else []
    parts += [] if result.errors else result.problems
    _print("  ".join(parts))
    for error in result.errors:
        place = f"{error['place']}: " if error["place"] else ""
        _print(f"  {place}{error['code']} {error['text']}")


def _print(line: str) -> None:
    out.print(line, markup=False, soft_wrap=True)


def _summarise(results: list[Exchanged]) -> None:
    counts = Counter(result.ack_code or "no answer" for result in results)
    said = ", ".join(f"{n} {code}" for code, n in sorted(counts.items()))
    err.print(f"{len(results)} sent: {said}", markup=False)
