"""Profiles, claims and settings that tests of the portal adapter begin from."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.core.agreements import Patience
from gateway.mapping.compiled import Compiled
from gateway.mapping.profile import Auth, Idempotency, Operation, Portal, ResponseRules
from gateway.ports import Claim

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

NO_BODY = Compiled(
    path="", version="", text="", reads="", writes="json", run=lambda _: ([], [])
)

KEYS = Idempotency("Idempotency-Key", quoted=True, honoured_for=timedelta(hours=24))
NO_KEYS = Idempotency()

CREDENTIALS = Auth(
    kind="client_credentials",
    token_path="/oauth2/token",
    client_id_setting="HELIX_CLIENT_ID",
    client_secret_setting="HELIX_CLIENT_SECRET",
)
NO_AUTH = Auth(kind="none")

PORTAL = Portal(
    manufacturer="helix",
    title="Helix Cell Works",
    speaks="portal_rest",
    url_setting="HELIX_URL",
    auth=CREDENTIALS,
    idempotency=KEYS,
    connect_timeout=timedelta(seconds=2),
    read_timeout=timedelta(seconds=2),
    concurrency=16,
    patience=Patience(waits=(timedelta(seconds=1),), repeats_safely="key"),
    deadline=timedelta(hours=1),
    operations={
        "submit": Operation("POST", "/v1/orders", NO_BODY),
        "change": Operation("PUT", "/v1/orders/{order_id}", NO_BODY),
        "cancel": Operation("POST", "/v1/orders/{order_id}/cancellation", NO_BODY),
    },
    responses=ResponseRules(
        body_code="code",
        body_codes={(409, "idempotency.in_progress"): "not_taken"},
        reference="reference",
    ),
    answer=None,
    webhook=None,
    simulator=True,
)


def portal(**changes: Any) -> Portal:  # noqa: ANN401 - as dataclasses.replace has it
    """Return the usual profile with ``changes``."""
    return replace(PORTAL, **changes)


def claim(
    operation: str = "submit",
    *,
    order_id: str = "o-1",
    key: str = "k-1",
    body: bytes | None = None,
) -> Claim:
    """Return the right to one delivery; its body is an order Helix would take."""
    order = b'{"clientReference":"%b","product":{"code":"HELIX-CART-19"},"patient":{}}'
    return Claim(
        delivery_id="m-d1",
        order_id=order_id,
        destination="portal:helix",
        lane=order_id,
        key=key,
        operation=operation,
        body=order % order_id.encode() if body is None else body,
        content_type="application/json",
        attempt=1,
        lease=1,
        deadline=NOON + timedelta(hours=1),
    )


@dataclass
class Settings:
    """Secrets as a dictionary."""

    values: Mapping[str, str] = field(
        default_factory=lambda: {
            "HELIX_CLIENT_ID": "baton",
            "HELIX_CLIENT_SECRET": "a-secret-for-demonstrations",
        }
    )

    def get(self, name: str) -> str | None:
        return self.values.get(name)


@dataclass
class StoppedClock:
    """A clock that stands still until it is moved."""

    time: datetime = NOON

    def now(self) -> datetime:
        return self.time
