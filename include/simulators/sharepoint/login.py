"""The login host: discovery documents and the token endpoint (Graph reference 3)."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from aiohttp import web

from simulators.common.calls import Call
from simulators.sharepoint.errors import login_error
from simulators.sharepoint.tokens import Signer

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_GRANTS = ("client_credentials", "refresh_token")
_ANY_TENANT = ("common", "organizations")
"""What clients write that leave it to the person who signs in which tenant it is."""
_GRAPH = "https://graph.microsoft.com"
_PERSON = "Files.Read.All Sites.Read.All offline_access"
REFRESH = "refresh"
"""The audience of refresh tokens: they open no door but this one."""
_REFRESH_TTL_S = 90 * 86400


@dataclass(frozen=True, slots=True)
class LoginHost:
    """Answers for one tenant with one app registration.

    `public_clients` are the ids of programs on people's machines: they have no secret, only somebody's refresh token.
    """

    tenant_id: str
    tenant_domain: str
    client_id: str
    client_secret: str
    signer: Signer
    ttl_s: int
    roles: tuple[str, ...]
    public_clients: frozenset[str] = frozenset()

    def refresh_token(self, now: float) -> str:
        """Return what a sign-in in a browser leaves with a program."""
        return self.signer.access_token(REFRESH, now + _REFRESH_TTL_S, scp=_PERSON)

    @staticmethod
    def operation(segments: list[str]) -> str | None:
        """Name the login operation of a path, or None when it is not a login path."""
        if segments[-1:] == ["openid-configuration"]:
            return "openid"
        if segments[-2:] == ["discovery", "instance"]:
            return "discovery"
        if segments[-1:] == ["token"] and "oauth2" in segments:
            return "token"
        return None

    async def handle(
        self, request: web.BaseRequest, call: Call, segments: list[str], base: str, now: float
    ) -> web.Response:
        """Answer one login request; `base` is the host's root URL as the client sees it."""
        if call.operation == "discovery":
            return web.json_response(self._discovery(base))
        if segments[0] not in (self.tenant_id, self.tenant_domain, *_ANY_TENANT):
            text = f"Tenant '{segments[0]}' not found."
            return login_error(400, "invalid_tenant", 90002, text, now)
        if call.operation == "openid":
            return web.json_response(self._openid(base, segments[0]))
        form = dict(parse_qsl((await request.text()), keep_blank_values=True))
        call.params.update(form)
        return self._token(form, request.headers.get("Authorization", ""), base, now)

    def _discovery(self, base: str) -> dict[str, Any]:
        host = base.partition("//")[2]
        return {
            "tenant_discovery_endpoint": f"{base}/{self.tenant_id}/v2.0/.well-known/openid-configuration",
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        }

    def _openid(self, base: str, tenant: str) -> dict[str, Any]:
        return {
            "token_endpoint": f"{base}/{tenant}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": [
                "client_secret_post",
                "private_key_jwt",
                "client_secret_basic",
            ],
            "jwks_uri": f"{base}/{tenant}/discovery/v2.0/keys",
            "response_types_supported": ["code", "id_token", "token"],
            "issuer": f"{base}/{self.tenant_id}/v2.0",
            "authorization_endpoint": f"{base}/{tenant}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{base}/{tenant}/oauth2/v2.0/devicecode",
        }

    def _token(self, form: dict[str, str], authorization: str, base: str, now: float) -> web.Response:
        grant = form.get("grant_type", "")
        if grant not in _GRANTS:
            return login_error(400, "unsupported_grant_type", 70003, f"Unsupported grant '{grant}'.", now)
        client, secret = _basic(authorization) or (form.get("client_id", ""), form.get("client_secret"))
        public = grant == "refresh_token" and client in self.public_clients
        if client != self.client_id and not public:
            text = f"Application with identifier '{client}' was not found in the directory."
            return login_error(400, "unauthorized_client", 700016, text, now)
        refused = None if public else self._refuse(form, secret, base, now)
        if refused is not None:
            return refused
        if grant == "refresh_token":
            return self._refreshed(form, now)
        scope = form.get("scope", "")
        if scope != ".default" and not scope.endswith("/.default"):
            return login_error(400, "invalid_scope", 1002012, "The scope must end in /.default.", now)
        # Without a resource it is Graph's (rclone sends it so).
        resource = scope.removesuffix(".default").rstrip("/") or _GRAPH
        return self._granted(self.signer.access_token(resource, now + self.ttl_s, self.roles))

    def _refreshed(self, form: dict[str, str], now: float) -> web.Response:
        """Answer a person's program; a new refresh token comes with it (Graph reference 3)."""
        claims = self.signer.read_access_token(form.get("refresh_token", ""), now)
        if claims is None or claims["aud"] != REFRESH:
            return login_error(400, "invalid_grant", 9002313, "The refresh token is malformed or has expired.", now)
        token = self.signer.access_token(_GRAPH, now + self.ttl_s, scp=_PERSON)
        return self._granted(token, scope=_PERSON, refresh_token=self.refresh_token(now))

    def _granted(self, access_token: str, **more: str) -> web.Response:
        answer = {"token_type": "Bearer", "expires_in": self.ttl_s, "ext_expires_in": self.ttl_s}
        return web.json_response(
            {**answer, "access_token": access_token, **more}, headers={"Cache-Control": "no-store, no-cache"}
        )

    def _refuse(self, form: dict[str, str], secret: str | None, base: str, now: float) -> web.Response | None:
        if secret is not None:
            if hmac.compare_digest(secret.encode(), self.client_secret.encode()):
                return None
            return login_error(401, "invalid_client", 7000215, "Invalid client secret provided.", now)
        if "client_assertion" not in form:
            text = "The request body must contain 'client_assertion' or 'client_secret'."
            return login_error(401, "invalid_client", 7000218, text, now)
        problem = self._assertion_problem(form, base, now)
        if problem is None:
            return None
        return login_error(401, "invalid_client", 700027, f"Client assertion failed validation: {problem}", now)

    def _assertion_problem(self, form: dict[str, str], base: str, now: float) -> str | None:
        """Check the shape and claims of an assertion; the signature is not judged."""
        if form.get("client_assertion_type") != _ASSERTION:
            return "unknown client_assertion_type."
        parts = form["client_assertion"].split(".")
        if len(parts) != 3 or not all(parts):
            return "not a signed JWT."
        try:
            head, claims = (json.loads(base64.urlsafe_b64decode(p + "=" * (-len(p) % 4))) for p in parts[:2])
        except (binascii.Error, ValueError):
            return "not a signed JWT."
        audiences = {
            f"{base}/{tenant}/{tail}"
            for tenant in (self.tenant_id, self.tenant_domain)
            for tail in ("oauth2/v2.0/token", "v2.0")
        }
        checks = {
            "algorithm": head.get("alg") in ("RS256", "PS256"),
            "key hint": bool({"x5t", "x5t#S256", "x5c"} & set(head)),
            "audience": claims.get("aud") in audiences,
            "issuer": claims.get("iss") == self.client_id == claims.get("sub"),
            "lifetime": float(claims.get("exp", 0)) > now,
        }
        wrong = [name for name, good in checks.items() if not good]
        return f"wrong {', '.join(wrong)}." if wrong else None


def _basic(authorization: str) -> tuple[str, str] | None:
    kind, _, value = authorization.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        client, _, secret = base64.b64decode(value).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    # RFC 6749 2.3.1: both parts are form-encoded first.
    return unquote_plus(client), unquote_plus(secret)
