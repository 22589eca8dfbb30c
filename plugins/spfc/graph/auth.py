"""The token of an app: asked for once, kept until shortly before it ends, renewed by one caller at a time."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msal
import requests
from msal.exceptions import MsalServiceError

from spfc.errors import AnswerUnreadable, AuthenticationRefused, ServiceBusy, SpfcError
from spfc.graph.credentials import msal_credential
from spfc.graph.replies import transport_error
from spfc.graph.sessions import PinnedSession
from spfc.graph.settings import GraphSettings

RENEW_BEFORE: Final = 300.0
"""Seconds before its end from which a token is not used any more (Graph reference 1, point 1)."""
_CODE: Final = re.compile(r"AADSTS\d+")
_TEMPORARY: Final = frozenset({"temporarily_unavailable", "server_error"})
_HINTS: Final[Mapping[str, str]] = {
    "AADSTS7000215": "The client secret is wrong: enter its value, not its id.",
    "AADSTS7000222": "The client secret has expired: create a new one in the app registration.",
    "AADSTS700016": "The client id is not known in this tenant: check both.",
    "AADSTS700027": "The certificate is not registered with the app, or has expired.",
    "AADSTS90002": "The tenant does not exist: check its id or domain, and the cloud.",
    "AADSTS900023": "The tenant is neither an id nor a domain name.",
    "AADSTS7000112": "The app is disabled in this tenant.",
    "AADSTS53003": "A conditional access policy blocks the app.",
    "AADSTS500011": "This Graph address is not known to the tenant: check cloud and graph_root.",
}
_UNKNOWN_TENANT: Final = frozenset({"AADSTS90002", "AADSTS900023"})


class TokenSource:
    """Serves tokens to all threads of a process. No request is made before the first :meth:`get`."""

    def __init__(self, settings: GraphSettings, *, now: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._now = now
        self._session = PinnedSession(settings)
        self._lock = threading.Lock()
        self._app: msal.ConfidentialClientApplication | None = None
        self._current: tuple[str, float] | None = None
        """The token and the moment up to which it is used: one value, so that readers need no lock."""

    def get(self) -> str:
        """Return a token that is good for now.

        Raises AuthenticationRefused (wrong tenant, client, secret or certificate: final), Unreachable,
        ServiceBusy or AnswerUnreadable (may be repeated), ConnectionInvalid (unusable certificate).
        """
        token = self._usable()
        if token is not None:
            return token
        with self._lock:
            return self._usable() or self._acquire()

    def discard(self, refused: str) -> None:
        """Do not serve ``refused`` again. Many callers that report the same token cause one new one."""
        with self._lock:
            if self._current is not None and self._current[0] == refused:
                self._current = None
                self._app = None

    def _usable(self) -> str | None:
        current = self._current
        return current[0] if current is not None and self._now() < current[1] else None

    def _acquire(self) -> str:
        answer = self._ask()
        if isinstance(answer, SpfcError):
            # msal replays remembered failures: with a new application object the next try is a real one.
            self._app = None
            raise answer
        token = answer.get("access_token")
        if not isinstance(token, str) or not token:
            self._app = None
            raise self._refused(answer)
        lifetime = float(answer.get("expires_in") or 0)
        self._current = (token, self._now() + lifetime - min(RENEW_BEFORE, lifetime / 2))
        return token

    def _ask(self) -> Mapping[str, Any] | SpfcError:
        credential = None if self._plain else msal_credential(self._settings)
        host = urlsplit(self._settings.login_root).hostname or ""
        about = "the sign-in of the app"
        try:
            return self._post_plain() if credential is None else self._ask_msal(credential)
        except requests.RequestException as error:
            return transport_error(error, about, host)
        except (MsalServiceError, RuntimeError):
            return ServiceBusy(f"The sign-in service at {host} failed.")
        except json.JSONDecodeError:
            return AnswerUnreadable(f"{host} answered {about} with something else than JSON.")
        except KeyError as error:
            return AnswerUnreadable(f"The sign-in configuration of {host} lacks {error}.")
        except ValueError as error:
            if isinstance(error.__context__, json.JSONDecodeError):
                return AnswerUnreadable(f"{host} answered {about} with something else than JSON.")
            return self._unknown_tenant("")

    def _ask_msal(self, credential: str | dict[str, Any]) -> Mapping[str, Any]:
        if self._app is None:
            settings = self._settings
            self._app = msal.ConfidentialClientApplication(
                settings.client_id,
                client_credential=credential,
                authority=f"{settings.login_root}/{quote(settings.tenant, safe='')}",
                # Never asks a third host about our authority: needed for simulators, private clouds and
                # proxies that let only named hosts through (Graph reference 3).
                instance_discovery=False,
                http_client=self._session,
            )
        answer: Mapping[str, Any] = self._app.acquire_token_for_client(scopes=[self._settings.scope]) or {}
        return answer

    @property
    def _plain(self) -> bool:
        """Say whether sign-in goes over plain HTTP to this machine, which msal refuses to speak."""
        return urlsplit(self._settings.login_root).scheme == "http" and self._settings.certificate is None

    def _post_plain(self) -> Mapping[str, Any]:
        settings = self._settings
        response = self._session.post(
            f"{settings.login_root}/{quote(settings.tenant, safe='')}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": settings.client_id,
                "client_secret": settings.client_secret,
                "scope": settings.scope,
            },
            allow_redirects=False,
        )
        if response.status_code >= 500:
            raise MsalServiceError("sign-in failed", error=None, error_description=None)
        answer = json.loads(response.content)
        return answer if isinstance(answer, dict) else {}

    def _refused(self, answer: Mapping[str, Any]) -> SpfcError:
        description = str(answer.get("error_description") or "")
        name = str(answer.get("error") or "no token in the answer")
        found = _CODE.search(description)
        code = found.group() if found else ""
        if name in _TEMPORARY or code == "AADSTS90033":
            return ServiceBusy(f"The sign-in service cannot serve us now ({name}).")
        if code in _UNKNOWN_TENANT or name == "invalid_tenant":
            return self._unknown_tenant(code)
        shown = f"{name}, {code}" if code else name
        return AuthenticationRefused(
            f"The sign-in service refused the app '{self._settings.client_id}' in tenant "
            f"'{self._settings.tenant}' ({shown}).",
            hint=_HINTS.get(code, "Check tenant, client id and secret or certificate of the connection."),
        )

    def _unknown_tenant(self, code: str) -> SpfcError:
        shown = f" ({code})" if code else ""
        return AuthenticationRefused(
            f"The tenant '{self._settings.tenant}' is not known at {self._settings.login_root}{shown}.",
            hint="Check the tenant id or domain, and that the cloud is the right one.",
        )
