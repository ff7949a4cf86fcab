"""What the log says, and how loudly."""

import json
import logging

import pytest
import structlog

from gateway.app.telemetry import Telemetry, configure_logs


def test_what_a_person_must_mend_stands_out(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    configure_logs()
    telemetry = Telemetry()

    telemetry.event("server.started")
    telemetry.warning("mapping.problem", code="mapping.not_yaml", where="site.yaml:1")
    telemetry.failed("ValueError at intake")
    structlog.reset_defaults()  # it logs to a stream that is closed now

    lines = map(json.loads, capsysbinary.readouterr().err.splitlines())
    assert [(line["event"], line["level"]) for line in lines] == [
        ("server.started", "info"),
        ("mapping.problem", "warning"),
        ("failed", "error"),
    ]


def test_what_a_library_logs_is_a_line_like_ours_without_its_words(
    capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])
    configure_logs()

    logging.getLogger("asyncio").error("of %s", "MUSTERMANN")
    try:
        int("MUSTERMANN")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("of MUSTERMANN")
    logging.getLogger("adapters.hl7v2.answers").error("mllp.receive_failed")
    logging.getLogger("uvicorn.error").info("Started")
    structlog.reset_defaults()  # it logs to a stream that is closed now

    log = capsysbinary.readouterr().err
    lines = [json.loads(line) for line in log.splitlines()]
    assert [(line["event"], line["level"], line["logger"]) for line in lines] == [
        ("library.logged", "error", "asyncio"),
        ("library.logged", "error", "uvicorn.error"),
        ("mllp.receive_failed", "error", "adapters.hl7v2.answers"),
    ]
    assert lines[1]["where"].startswith("ValueError at ")
    assert b"MUSTERMANN" not in log
