"""Who we are at the server: one login for all threads, healed once when it expires, never repeated when refused."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from requests.cookies import RequestsCookieJar

from spfc.errors import AnswerUnreadable, AuthenticationRefused, RequestRefused, ServiceError
from spfc.filecloud import calls, xml
from spfc.filecloud.refusals import MAX_TEXT
from spfc.filecloud.settings import FileCloudSettings
from spfc.filecloud.wire import Reply, Request, Wire

_LOG = logging.getLogger(__name__)
_XSRF, _XSRF_USER = "X-XSRF-TOKEN", "X-XSRF-TOKEN-user"


@dataclass(frozen=True, slots=True, repr=False)
class Pass:
    """One login: its number and its cookies. The jar is alive: the server may renew cookies with any answer."""

    number: int
    jar: RequestsCookieJar


class Session:
    """Logs in at the first need and again, once for all threads, when the login turns out to be dead.

    A refused login stays refused for the life of this object: repeating locks accounts (reference 2.1). Every later
    call raises the same AuthenticationRefused without a request.
    """

    def __init__(self, settings: FileCloudSettings, wire: Wire) -> None:
        self._settings = settings
        self._wire = wire
        self._lock = threading.Lock()
        self._pass: Pass | None = None
        self._number = 0
        self._refused: AuthenticationRefused | None = None

    def send(self, request: Request, login: Pass) -> Reply:
        """Send one request under a login."""
        return self._wire.send(request, login.jar, self._headers(login))

    def current(self) -> Pass:
        """Return the login to use, logging in when there is none. Raises AuthenticationRefused."""
        login = self._pass
        if login is not None:
            return login
        with self._lock:
            return self._pass or self._log_in()

    def renew(self, suspect: Pass) -> Pass | None:
        """Ask the server whether ``suspect`` is still alive; None when it is, a fresh login when it is not.

        Threads that come with the same dead login wait for one check and one login (reference 2.4).
        """
        with self._lock:
            if self._pass is not None and self._pass.number != suspect.number:
                return self._pass
            if self._is_alive(suspect):
                return None
            _LOG.info("filecloud: the session is gone, logging in again")
            self._pass = None
            return self._log_in()

    def redact(self, text: str) -> str:
        """Return ``text`` shortened and without the password or any cookie value that it may echo."""
        secrets = {self._settings.password}
        login = self._pass
        if login is not None:
            secrets.update(value for _, value in login.jar.items() if value and len(value) > 5)
            secrets.discard(self._settings.user)
        for secret in sorted(secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text[:MAX_TEXT]

    def close(self) -> None:
        """Log out if we are logged in. A logout that fails is logged, not raised: the session will end by itself."""
        with self._lock:
            login, self._pass = self._pass, None
        if login is None:
            return
        try:
            self.send(calls.lock_session(), login)
        except ServiceError as error:
            _LOG.info("filecloud: the logout failed: %s", error.message)

    def _headers(self, login: Pass) -> Mapping[str, str]:
        """Reference 2.3: a browser-like agent echoes the anti-CSRF cookie; anybody else sends nothing of the kind."""
        if not self._settings.browser_compat:
            return {}
        values = {name: value or "" for name, value in login.jar.items()}
        token = values.get(_XSRF) or values.get(_XSRF_USER)
        return {_XSRF: token, "X-Requested-With": "XMLHttpRequest"} if token else {}

    def _log_in(self) -> Pass:
        if self._refused is not None:
            raise self._refused
        self._number += 1
        login = Pass(self._number, RequestsCookieJar())
        try:
            self._attempt(login)
        except AuthenticationRefused as error:
            self._refused = error
            raise
        self._pass = login
        return login

    def _attempt(self, login: Pass) -> None:
        reply = self.send(calls.login(self._settings.user, self._settings.password), login)
        if reply.status in (
            400,
            401,
            403,
        ):  # 400 is the JSON mode's spelling of bad credentials, reference 3.4
            raise _refusal(f"FileCloud refused the login of {self._settings.user} with status {reply.status}.")
        if reply.status != 200:
            raise RequestRefused(
                f"FileCloud answered the login with status {reply.status}.",
                hint="Is the address of the connection, with its path prefix, that of a FileCloud server?",
            )
        answer = xml.read_command(xml.parse(reply.body))
        if answer.result == 1 or (answer.result == 2 and self._is_alive(login)):
            return
        if answer.result == 3:  # its message is a token: never repeat it
            raise _refusal(
                f"FileCloud wants a second factor for {self._settings.user}.",
                hint="Use a service account without two-factor authentication.",
            )
        said = self.redact(answer.message) or "no reason given"
        raise _refusal(f"FileCloud refused the login of {self._settings.user}: {said}.")

    def _is_alive(self, login: Pass) -> bool:
        reply = self.send(calls.authentication_info(), login)
        if reply.status != 200:
            return False
        try:
            return xml.read_identity(xml.parse(reply.body)).authenticated
        except AnswerUnreadable:
            return False


def _refusal(
    message: str, hint: str = "Correct user and password in the connection; a locked account opens by itself."
) -> AuthenticationRefused:
    return AuthenticationRefused(message, hint=hint)
