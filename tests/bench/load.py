"""Builds and runs the load generator, ``orderload.c``."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tests.bench.processes import CACHE, Failed
from tests.bench.samples import MESSAGES

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Result:
    """What the generator saw; times in milliseconds.

    Attributes:
        acked: Answers in all, warm-up included.
        errors: Everything that was not one positive, matching answer.
    """

    acks_per_s: float
    acked: int
    p50: float
    p99: float
    worst: float
    errors: int
    first_error: str
    raw: dict[str, Any]


def build() -> Path:
    """Compile the generator if it changed; return the program.

    Raises:
        Failed: There is no C compiler, or it refuses.
    """
    source, program = HERE / "orderload.c", CACHE / "orderload"
    if program.exists() and program.stat().st_mtime > source.stat().st_mtime:
        return program
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise Failed("no C compiler (cc) found: it builds the load generator")
    CACHE.mkdir(parents=True, exist_ok=True)
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-std=gnu11"]
    command = [compiler, *flags, "-o", str(program), str(source), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"the load generator does not compile: {done.stderr[-500:]}")
    return program


def arguments(port: int, conns: int, **options: object) -> list[str]:
    """Return the generator's command line; ``options`` as ``orderload.c`` has them."""
    given = {"messages": MESSAGES, "port": port, "conns": conns, **options}
    flags = (part for name, value in given.items() for part in (f"--{name}", value))
    return [str(build()), *(str(part) for part in flags)]


def load(port: int, conns: int, **options: object) -> Result:
    """Run the generator to its end.

    Raises:
        Failed: It could not run, e.g. because nothing listens.
    """
    command = arguments(port, conns, **options)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return result_of(done.stdout, done.stderr)


def result_of(output: str, complaint: str) -> Result:
    """Read the generator's report.

    Raises:
        Failed: There is none.
    """
    if not output:
        raise Failed(f"the load generator gave up: {complaint.strip()}")
    raw = orjson.loads(output)
    late = raw["latency_us"]
    return Result(
        acks_per_s=raw["acks_per_s"],
        acked=raw["acked"],
        p50=late["p50"] / 1000,
        p99=late["p99"] / 1000,
        worst=late["max"] / 1000,
        errors=raw["errors"],
        first_error=raw["first_error"],
        raw=raw,
    )
