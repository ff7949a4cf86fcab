"""Where things are and how large they may get: environment, then defaults.

Every setting is an environment variable ``BATON_<NAME>``. Secrets and addresses
that a mapping names are looked up the same way, or read from the file that
``BATON_<NAME>_FILE`` points to.
"""

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

import gateway
from gateway.core.errors import Misconfigured, Problem

MiB = 1024 * 1024


def packaged_mappings() -> Path:
    """Return the mappings that came with this installation."""
    package = Path(gateway.__file__).parent
    beside = package.parent / "mappings"
    return beside if beside.is_dir() else package / "packaged_mappings"


class Settings(BaseSettings):
    """Settings of one server; the defaults work with no configuration."""

    model_config = SettingsConfigDict(env_prefix="BATON_", frozen=True)

    data: Path = Path("var")
    mappings: Path = Field(default_factory=packaged_mappings)
    http: str = "127.0.0.1:8080"
    mllp: str = "127.0.0.1:2575"
    open: bool = False
    """Let the open test site take MSH-11 P (never beside real sites)."""

    max_frame: Annotated[int, Field(gt=0)] = 16 * MiB
    max_body: Annotated[int, Field(gt=0)] = 16 * MiB
    first_byte_seconds: Annotated[float, Field(gt=0)] = 60
    mid_frame_seconds: Annotated[float, Field(gt=0)] = 30
    idle_seconds: Annotated[float, Field(gt=0)] = 3600
    connections_per_peer: Annotated[int, Field(gt=0)] = 128
    junk_between_frames: Annotated[int, Field(gt=0)] = 4096
    overdue_seconds: Annotated[float, Field(gt=0)] = 900
    """How long something may wait before an alarm says so."""
    drain_seconds: Annotated[float, Field(gt=0)] = 25


def endpoint(text: str) -> tuple[str, int]:
    """Split ``HOST:PORT``.

    Raises:
        Misconfigured: It is not of that form.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004 - the largest TCP port
        raise Misconfigured(Problem("settings.not_an_endpoint", text))
    return host.strip("[]") or "127.0.0.1", int(port)


class EnvironmentSecrets:
    """Implements ``ports.Secrets`` with the environment and files."""

    def get(self, name: str) -> str | None:
        """Return ``BATON_<name>`` or the contents of ``BATON_<name>_FILE``.

        Raises:
            Misconfigured: The file cannot be read, or is empty.
        """
        variable = f"BATON_{name}"
        if value := os.environ.get(variable):
            return value
        path = os.environ.get(f"{variable}_FILE")
        if not path:
            return None
        try:
            secret = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            secret = ""
        if not secret:
            raise Misconfigured(Problem("settings.unreadable_secret", variable))
        return secret
