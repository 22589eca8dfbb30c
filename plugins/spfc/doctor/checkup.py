"""Puts all checks of one route in order, with the probes behind them when they are wanted."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from spfc.doctor import probes_content, probes_dates, probes_login, probes_names, probes_tree, probes_upload
from spfc.doctor.filecloud_target import FileCloudTargetChecks
from spfc.doctor.runner import Examination
from spfc.doctor.scratch import Scratch
from spfc.doctor.shape import Check, Finding, Step
from spfc.errors import RouteInvalid

PROBES: dict[str, Callable[[Scratch], Finding]] = {
    "probe.P1": probes_login.kinds_of_client,
    "probe.P2": lambda scratch: probes_dates.dates(scratch, now=time.time()),
    "probe.P3": probes_dates.tags,
    "probe.P4": probes_upload.preconditions,
    "probe.P5": probes_upload.chunks,
    "probe.P6": probes_tree.pages,
    "probe.P7": probes_tree.folders,
    "probe.P8": probes_content.downloads,
    "probe.P9": probes_login.side_by_side,
    "probe.P10": probes_login.dead_session,
    "probe.P11": probes_names.names,
    "probe.P12": probes_tree.deletes,
    "probe.P13": probes_tree.own_feed,
    "probe.P14": probes_upload.full_account,
    "probe.P15": probes_content.checksums,
}
"""The probes of FileCloud reference 16, each in a folder of its own."""


class Part(Protocol):
    """The checks of one end of a route."""

    def steps(self) -> list[Step]:
        """Return all of them, in order."""

    def secrets(self) -> list[str]:
        """Return what must not be shown."""

    def close(self) -> None:
        """Give back what they hold."""


class Checkup:
    """All checks of one route, whose ends are ``parts``. ``ledger`` looks at the ledger.

    Raises RouteInvalid for ``write_probe`` on a route that does not copy to FileCloud: the probes answer what is
    unknown of FileCloud servers.
    """

    def __init__(
        self, parts: Sequence[Part], *, ledger: Callable[[], Finding] | None = None, write_probe: bool = False
    ) -> None:
        self._parts = parts
        self._ledger = ledger
        self._target = next((part for part in parts if isinstance(part, FileCloudTargetChecks)), None)
        if write_probe and self._target is None:
            raise RouteInvalid("--write-probe is for routes that copy to FileCloud.", hint="Leave it out.")
        self._write_probe = write_probe
        self._scratch = Scratch()

    def run(self, on_check: Callable[[Check], None] = lambda _: None) -> list[Check]:
        """Make all checks, telling each one as soon as it is made. KeyboardInterrupt goes on after cleaning up."""
        try:
            return Examination(self.steps(), on_check=on_check, secrets=self._secrets).run()
        finally:
            for part in self._parts:
                part.close()

    def steps(self) -> list[Step]:
        """Return all steps, in the order of the catalogue."""
        first = [] if self._ledger is None else [Step("ledger", self._ledger)]
        return [*first, *(step for part in self._parts for step in part.steps()), *self._probes()]

    def _probes(self) -> list[Step]:
        target = self._target
        if not self._write_probe or target is None:
            return []
        made = ("probe.scratch",)
        return [
            Step(
                "probe.scratch",
                lambda: self._scratch.make(target.used, target.standing),
                ("filecloud.rights", "filecloud.quota"),
            ),
            *(Step(name, partial(probe, self._scratch), made) for name, probe in PROBES.items()),
            Step("probe.cleanup", self._scratch.remove, last=True),
        ]

    def _secrets(self) -> list[str]:
        return [secret for part in self._parts for secret in part.secrets()]
