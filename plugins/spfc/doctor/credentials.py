"""What the app brings along and what it was given: its certificate's last day, and the roles in its token."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Set
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from spfc.doctor.network import EXPIRY_DAYS
from spfc.doctor.shape import Finding, fail, ok, warn
from spfc.errors import ConnectionInvalid
from spfc.graph.credentials import msal_credential
from spfc.graph.settings import GraphSettings

READS_SITES = frozenset({"Sites.Read.All", "Sites.ReadWrite.All", "Sites.Manage.All", "Sites.FullControl.All"})
"""Application permissions that open every site (Graph reference 4.2)."""
SELECTED = "Sites.Selected"
_MORE = re.compile(r"Write|Manage|FullControl")
_GRANT = "Grant the app the application permission Sites.Read.All of Microsoft Graph, with admin consent"


def credential_is_good(settings: GraphSettings, *, now: float) -> Finding:
    """Read the secret or certificate as a sign-in would; ``now`` is seconds since 1970. Raises ConnectionInvalid."""
    credential = msal_credential(settings)
    who = f"App {settings.client_id} in tenant {settings.tenant}"
    if isinstance(credential, str):
        return ok(f"{who}, with a client secret. (When a secret expires cannot be seen from here.)")
    last_day = _end_of(credential)
    if last_day is None:
        return ok(f"{who}, with a certificate.")
    until, left = last_day.not_valid_after_utc, last_day.not_valid_after_utc.timestamp() - now
    text = f"{who}, with a certificate that is good until {until:%Y-%m-%d}"
    step = "Make a new certificate, add it to the app registration, and put it into the connection."
    if left <= 0:
        return fail(f"{text}: it has expired.", step)
    return warn(f"{text}, which is soon.", step) if left < EXPIRY_DAYS * 86400 else ok(f"{text}.")


def _end_of(credential: dict[str, Any]) -> x509.Certificate | None:
    if "public_certificate" in credential:
        try:
            return x509.load_pem_x509_certificate(credential["public_certificate"].encode())
        except ValueError:
            raise ConnectionInvalid("The certificate cannot be read.", hint="Check the PEM.") from None
    if "private_key_pfx_path" not in credential:
        return None
    passphrase = credential["passphrase"]
    with open(credential["private_key_pfx_path"], "rb") as file:  # noqa: PTH123 - msal's own kind of path
        loaded = pkcs12.load_pkcs12(file.read(), passphrase.encode() if passphrase else None)
    return loaded.cert.certificate if loaded.cert is not None else None


def claims_of(token: str) -> dict[str, Any] | None:
    """Return what a token says of itself, unverified; None for one that is not made to be read."""
    parts = token.split(".")
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (IndexError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def roles_suffice(roles: Set[str]) -> Finding:
    """Judge the application permissions in a token by Graph reference 4.2."""
    shown = ", ".join(sorted(roles)) or "none"
    more = sorted(role for role in roles if _MORE.search(role))
    if roles & READS_SITES and not more:
        return ok(f"Permissions: {shown}.")
    if more and (roles & READS_SITES or SELECTED in roles):
        return warn(
            f"Permissions: {shown}. That is more than spfc uses: it only reads.",
            f"Take {', '.join(more)} away, unless something else needs it; Sites.Read.All is enough (one report "
            "says that libraries with retention labels want Sites.FullControl.All).",
        )
    if SELECTED in roles:
        return ok(f"Permissions: {shown}. The app sees only sites that were granted to it.")
    if any(role.endswith(".Selected") for role in roles):
        return warn(
            f"Permissions: {shown}. They open single lists or files, not sites.",
            f"Use Sites.Selected with the role 'read' on the site. Or: {_GRANT[0].lower()}{_GRANT[1:]}.",
        )
    if any(role.startswith("Sites.") for role in roles):
        return warn(f"Permissions: {shown}. Whether they suffice is not known.", f"If the site fails below: {_GRANT}.")
    if any(role.startswith("Files.") for role in roles):
        return fail(f"Permissions: {shown}. They open files, but no site can be found with them.", f"{_GRANT}.")
    return fail(
        f"Permissions: {shown}. Nothing of SharePoint can be read with them.",
        f"{_GRANT}; or Sites.Selected, and the role 'read' on each site. Delegated permissions do not count.",
    )


def grant_missing(roles: Set[str] | None) -> str:
    """Return the next step for a site that is refused to an app with these roles; empty when they do not explain it."""
    if roles is None or roles & READS_SITES or SELECTED not in roles:
        return ""
    return (
        "The app has Sites.Selected, but no grant for this site: give it the role 'read' there (POST "
        "/sites/{site id}/permissions, by an account or app with Sites.FullControl.All)."
    )
