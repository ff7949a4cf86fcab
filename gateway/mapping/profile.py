"""What a manufacturer folder says, checked and compiled."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from gateway.core.agreements import Patience
from gateway.mapping.compiled import Compiled

Verdictword = Literal["delivered", "rejected", "not_taken", "unknown", "fault"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One request a portal takes: ``submit``, ``change`` or ``cancel``.

    ``path`` may hold ``{order_id}``, our own reference, and nothing else.
    """

    method: Literal["POST", "PUT", "PATCH", "DELETE"]
    path: str
    body: Compiled


@dataclass(frozen=True, slots=True)
class Auth:
    """OAuth 2.0 client credentials (RFC 6749 §4.4); settings hold the secrets."""

    kind: Literal["client_credentials", "none"]
    token_path: str = ""
    client_id_setting: str = ""
    client_secret_setting: str = ""
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The portal's promise about repeated requests.

    Attributes:
        header: ``""`` if the portal has no keys.
        quoted: Whether the key is sent as an sf-string (``"…"``), as the IETF
            draft has it, or bare.
        honoured_for: How long the portal remembers a key; our waits end sooner.
    """

    header: str = ""
    quoted: bool = False
    honoured_for: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class ResponseRules:
    """Status, or status and body code, to outcome.

    Attributes:
        statuses: By HTTP status; architecture §5 fills in what a profile omits.
        body_code: Dotted place of a code in the body, ``""`` if none.
        body_codes: (status, body code) to outcome; wins over ``statuses``.
        reference: Dotted place of the portal's reference; a 2xx without it is
            unknown.
    """

    statuses: Mapping[int, Verdictword] = field(default_factory=dict)
    body_code: str = ""
    body_codes: Mapping[tuple[int, str], Verdictword] = field(default_factory=dict)
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Webhook:
    """How the portal calls us: Standard Webhooks over the raw bytes."""

    secret_setting: str
    mapping: Compiled


@dataclass(frozen=True, slots=True)
class Portal:
    """One portal of one manufacturer, as its profile says."""

    manufacturer: str
    title: str
    speaks: str
    url_setting: str
    auth: Auth
    idempotency: Idempotency
    connect_timeout: timedelta
    read_timeout: timedelta
    concurrency: int
    patience: Patience
    deadline: timedelta
    operations: Mapping[str, Operation]
    responses: ResponseRules
    answer: Compiled | None
    webhook: Webhook | None
    simulator: bool = False

    @property
    def destination(self) -> str:
        """The destination's name in the store, logs and metrics."""
        return f"portal:{self.manufacturer}"
