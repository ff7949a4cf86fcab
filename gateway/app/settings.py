"""Where things are and how large they may get: environment, then defaults.

Every setting is an environment variable ``BATON_<NAME>``. Secrets and addresses
that a mapping names are looked up the same way, or read from the file that
``BATON_<NAME>_FILE`` points to.
"""

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import ByteSize, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

import gateway
from gateway.core.errors import Misconfigured, Problem
from gateway.mapping.fields import PREFIX

Size = Annotated[ByteSize, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
MIB = 1024 * 1024


def packaged_mappings() -> Path:
    """Return the mappings that came with this installation."""
    package = Path(gateway.__file__).parent
    beside = package.parent / "mappings"
    return beside if beside.is_dir() else package / "packaged_mappings"


class Settings(BaseSettings):
    """Settings of one server; the defaults work with no configuration."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    data: Path = Path("var")
    mappings: Path = Field(default_factory=packaged_mappings)
    http: str = "127.0.0.1:8080"
    mllp: str = "127.0.0.1:2575"
    open: bool = False
    """Let the open test site take MSH-11 P (never beside real sites)."""

    max_frame: Size = ByteSize(16 * MIB)
    max_body: Size = ByteSize(MIB)
    """Bytes of a webhook: it reports a status; documents have another way."""
    first_byte_seconds: Seconds = 60
    mid_frame_seconds: Seconds = 30
    idle_seconds: Seconds = 3600
    connections_per_peer: Count = 128
    connections: Count = 512
    junk_between_frames: Count = 4096
    overdue_seconds: Seconds = 900
    """How long something may wait before an alarm says so."""
    drain_seconds: Seconds = 25


def read_settings(**given: Any) -> Settings:  # noqa: ANN401 - of each setting its own
    """Return the settings, with what is ``given`` on top.

    Raises:
        Misconfigured: With every one that cannot be used.
    """
    try:
        return Settings(**given)
    except ValidationError as error:
        names = [str(wrong["loc"][0]).upper() for wrong in error.errors()]
    raise Misconfigured(*(Problem("settings.unusable", PREFIX + n) for n in names))


def endpoint(text: str, setting: str) -> tuple[str, int]:
    """Split ``HOST:PORT``, the value of ``setting``.

    Raises:
        Misconfigured: It is not of that form.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004 - the largest TCP port
        raise Misconfigured(Problem("settings.not_an_endpoint", setting))
    return host.strip("[]") or "127.0.0.1", int(port)


class EnvironmentSecrets:
    """Implements ``ports.Secrets`` with the environment and files."""

    def get(self, name: str) -> str | None:
        """Return the variable ``name`` or the contents of ``<name>_FILE``.

        Raises:
            Misconfigured: The file cannot be read, or is empty.
        """
        if value := os.environ.get(name):
            return value
        path = os.environ.get(f"{name}_FILE")
        if not path:
            return None
        try:
            secret = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            secret = ""
        if not secret:
            raise Misconfigured(Problem("settings.unreadable_secret", f"{name}_FILE"))
        return secret
