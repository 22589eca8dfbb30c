"""FileCloud, from the connection to the login: only looking, through the client that a run uses."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace

from requests.cookies import RequestsCookieJar

from spfc.doctor.network import SKEW_NOTICE, Endpoint, clocks_agree, steps_to
from spfc.doctor.shape import Finding, Step, fail, ok
from spfc.filecloud import FileCloudClient, FileCloudSettings, calls
from spfc.filecloud.wire import Wire

PATIENCE = 30.0
"""Seconds: a longer ``Retry-After`` is reported instead of slept through."""


class FileCloudChecks(ABC):
    """The checks of one end of a route at FileCloud, in order. What one finds the next ones use.

    ``load`` returns the settings of the connection, or raises. ``skew`` returns by how many seconds this machine is
    behind the true time. ``now`` is seconds since 1970.
    """

    name: str
    """First word of the names of these checks."""

    def __init__(
        self,
        load: Callable[[], FileCloudSettings],
        *,
        skew: Callable[[], float] = lambda: 0.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._load = load
        self._skew = skew
        self._now = now
        self.client: FileCloudClient | None = None

    def steps(self) -> list[Step]:
        """Return all checks."""
        name = self.name
        return [
            Step(f"{name}.connection", self._connection),
            *steps_to(name, self._endpoint, (f"{name}.connection",), self._now),
            Step(f"{name}.clock", self._clock, (f"{name}.tls",)),
            Step(f"{name}.login", self._log_in, (f"{name}.tls",)),
            *self.content_steps((f"{name}.login",)),
        ]

    @abstractmethod
    def content_steps(self, login: tuple[str, ...]) -> list[Step]:
        """Return the checks of what the route uses there; all of them need ``login``."""

    def secrets(self) -> list[str]:
        """Return what must not be shown."""
        return [self.client.settings.password] if self.client is not None else []

    def close(self) -> None:
        """Log out and close all connections."""
        if self.client is not None:
            self.client.close()

    @property
    def used(self) -> FileCloudClient:
        """The client, once the connection has been read."""
        if self.client is None:
            raise RuntimeError("the connection has not been read")
        return self.client

    # -- the way there -------------------------------------------------------------------------------

    def _connection(self) -> Finding:
        settings = replace(self._load(), attempts=2, patience=PATIENCE)
        self.client = FileCloudClient(settings)
        return ok(f"{settings.base_url} as {settings.user}.")

    def _endpoint(self) -> Endpoint:
        settings = self.used.settings
        wire = Wire(settings)
        try:
            return Endpoint("FileCloud", settings.base_url, settings.trust, wire.proxies)
        finally:
            wire.close()

    def _clock(self) -> Finding:
        wire = Wire(self.used.settings)
        try:
            begun = self._now()
            reply = wire.send(calls.authentication_info(), RequestsCookieJar(), {})
            machine = (begun + self._now()) / 2
        finally:
            wire.close()
        step = "Let the FileCloud server follow a time server (NTP): sessions and times of files depend on its clock."
        date, skew = reply.headers.get("Date"), self._skew()
        if abs(skew) <= SKEW_NOTICE:
            return clocks_agree(date, machine, whose="FileCloud's clock", step=step)[0]
        finding, _ = clocks_agree(date, machine + skew, whose="FileCloud's clock", step=step)
        return replace(finding, found=finding.found.replace("this machine", "Microsoft's"))

    def _log_in(self) -> Finding:
        identity = self.used.identity()
        if not identity.authenticated:
            return fail(
                "FileCloud accepted the password but does not treat us as logged in.",
                "Use an account of type DEFAULT, AD or LDAP; if it is one, try browser_compat in the connection.",
            )
        return ok(f"Logged in as {identity.profile or self.used.settings.user}.")
