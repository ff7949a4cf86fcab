"""A portal's OAuth 2.0 token desk: client credentials, HTTP basic (RFC 6749 §4.4)."""

import base64
import binascii
import secrets
from urllib.parse import parse_qs, unquote_plus

from conformance.simulators.portal_book import Reply


class TokenDesk:
    """Hands out bearer tokens and knows which of them are still good.

    Attributes:
        granted: How many tokens it has handed out.
        lifetime: Seconds, as told to the client; tokens lapse only when revoked.
    """

    def __init__(self, client_id: str, client_secret: str, lifetime: int) -> None:
        self.granted = 0
        self.lifetime = lifetime
        self._client = (client_id, client_secret)
        self._good: set[str] = set()

    def grant(self, authorisation: str, form: str) -> Reply:
        """Answer one token request."""
        if _client(authorisation) != self._client:
            return Reply(401, {"error": "invalid_client"})
        if parse_qs(form).get("grant_type") != ["client_credentials"]:
            return Reply(400, {"error": "unsupported_grant_type"})
        token = secrets.token_urlsafe(24)
        self._good.add(token)
        self.granted += 1
        return Reply(
            200,
            {
                "access_token": token,
                "token_type": "Bearer",
                "expires_in": self.lifetime,
            },
        )

    def good(self, authorisation: str) -> bool:
        """Tell whether a request shows a good token."""
        scheme, _, token = authorisation.partition(" ")
        return scheme.lower() == "bearer" and token in self._good

    def revoke(self) -> None:
        """Make every token bad at once."""
        self._good.clear()


def _client(authorisation: str) -> tuple[str, str]:
    scheme, _, encoded = authorisation.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        pair = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    client_id, _, secret = pair.partition(":")
    return unquote_plus(client_id), unquote_plus(secret)
