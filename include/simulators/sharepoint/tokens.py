"""Signed, expiring strings: access tokens and pre-authenticated links."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Signer:
    """Makes and checks the strings with one secret, so that they stay valid across restarts.

    Raising `epoch` makes all of a kind that were made before invalid.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.epochs = {"access": 0, "link": 0}

    def access_token(self, audience: str, expires: float, roles: Sequence[str] = (), scp: str = "") -> str:
        """Return an access token: three parts with dots, like the real ones; with `scp` it is a person's."""
        head = _b64(b'{"typ":"JWT","alg":"HS256"}')
        claims = {"aud": audience, "exp": int(expires), "ep": self.epochs["access"], "roles": list(roles)}
        if scp:
            claims["scp"] = scp
        body = _b64(json.dumps(claims, separators=(",", ":")).encode())
        return f"{head}.{body}.{self._sign(f'{head}.{body}')}"

    def read_access_token(self, token: str, now: float) -> dict[str, Any] | None:
        """Return the claims of a valid, unexpired token, else None."""
        parts = token.split(".")
        if len(parts) != 3 or not hmac.compare_digest(parts[2], self._sign(f"{parts[0]}.{parts[1]}")):
            return None
        claims: dict[str, Any] = json.loads(_unb64(parts[1]))
        valid = int(claims["exp"]) > now and claims["ep"] == self.epochs["access"]
        return claims if valid else None

    def tempauth(self, guid: str, expires: float) -> str:
        """Return the four-part signature of a download link (Graph reference 8.1)."""
        claims = _b64(f'{{"exp":"{int(expires)}","ep":"{self.epochs["link"]}"}}'.encode())
        opaque = _b64(bytes.fromhex(guid.replace("-", "")))
        return f"v1.{claims}.{opaque}.{self._sign(f'{guid}.{claims}.{opaque}')}"

    def link_is_valid(self, guid: str, tempauth: str, now: float) -> bool:
        """Say whether a download link's signature belongs to `guid` and has not expired."""
        parts = tempauth.split(".")
        if len(parts) != 4 or not hmac.compare_digest(parts[3], self._sign(f"{guid}.{parts[1]}.{parts[2]}")):
            return False
        try:
            claims = json.loads(_unb64(parts[1]))
        except (binascii.Error, ValueError):
            return False
        return int(claims["exp"]) > now and claims["ep"] == str(self.epochs["link"])

    def expire(self, kind: str) -> None:
        """Make everything of a kind ("access" or "link") made so far invalid."""
        self.epochs[kind] += 1

    def _sign(self, text: str) -> str:
        return _b64(hmac.digest(self._secret, text.encode("utf-8", "replace"), hashlib.sha256))
