"""Puts all checks of one route in order, with the probes behind them when they are wanted."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from spfc.doctor import probes_content, probes_dates, probes_login, probes_names, probes_tree, probes_upload
from spfc.doctor.filecloud import FileCloudChecks
from spfc.doctor.graph import GraphChecks, default_governor
from spfc.doctor.runner import Examination
from spfc.doctor.scratch import Scratch
from spfc.doctor.shape import Check, Finding, Step
from spfc.filecloud.settings import FileCloudSettings
from spfc.graph.governor import Governor
from spfc.graph.settings import GraphSettings
from spfc.routes import Route, SharePointSource

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


class Checkup:
    """All checks of one route. ``ledger`` looks at the ledger; the other functions return settings, or raise.

    ``governor`` makes the gate that Graph calls go through: that of the ledger where there is one, so that the pause
    of all workers holds here, too. ``now`` is seconds since 1970.
    """

    def __init__(
        self,
        route: Route,
        *,
        graph: Callable[[], GraphSettings],
        filecloud: Callable[[], FileCloudSettings],
        ledger: Callable[[], Finding] | None = None,
        governor: Callable[[GraphSettings], Governor] = default_governor,
        write_probe: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        if not isinstance(route.source, SharePointSource):
            raise TypeError("not a SharePoint library")
        self._graph = GraphChecks(graph, route.source, governor=governor, now=now)
        self._filecloud = FileCloudChecks(
            filecloud, route, skew=lambda: self._graph.skew, coming=lambda: self._graph.bytes_held, now=now
        )
        self._ledger = ledger
        self._write_probe = write_probe
        self._scratch = Scratch()

    def run(self, on_check: Callable[[Check], None] = lambda _: None) -> list[Check]:
        """Make all checks, telling each one as soon as it is made. KeyboardInterrupt goes on after cleaning up."""
        try:
            return Examination(self.steps(), on_check=on_check, secrets=self._secrets).run()
        finally:
            self._graph.close()
            self._filecloud.close()

    def steps(self) -> list[Step]:
        """Return all steps, in the order of the catalogue."""
        first = [] if self._ledger is None else [Step("ledger", self._ledger)]
        return [*first, *self._graph.steps(), *self._filecloud.steps(), *self._probes()]

    def _probes(self) -> list[Step]:
        if not self._write_probe:
            return []
        made = ("probe.scratch",)
        return [
            Step("probe.scratch", self._make_scratch, ("filecloud.rights", "filecloud.quota")),
            *(Step(name, partial(probe, self._scratch), made) for name, probe in PROBES.items()),
            Step("probe.cleanup", self._scratch.remove, last=True),
        ]

    def _make_scratch(self) -> Finding:
        return self._scratch.make(self._filecloud.used, self._filecloud.standing)

    def _secrets(self) -> list[str]:
        return [*self._graph.secrets(), *self._filecloud.secrets()]
