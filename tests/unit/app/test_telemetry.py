"""What the log says, and how loudly."""

import json

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
