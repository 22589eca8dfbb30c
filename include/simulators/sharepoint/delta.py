"""The protocol of delta as a client sees it: first pages, links, `latest`, and 410 with a place to begin anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NoReturn

from simulators.common.clock import Clock
from simulators.common.faults import FaultAction
from simulators.sharepoint.answers import link, top_of
from simulators.sharepoint.errors import GraphFailure
from simulators.sharepoint.feed import E, Feed, Page, Token
from simulators.sharepoint.knobs import SharePointKnobs
from simulators.sharepoint.urls import Target
from simulators.sharepoint.wire import Json

_LATEST = "latest"
_BAD_LINK = "resync-link-of-this-simulator-that-always-fails"


@dataclass(frozen=True, slots=True)
class Delta(Generic[E]):
    """Answers delta requests for one feed (Graph reference 6.1 to 6.4)."""

    feed: Feed[E]
    knobs: SharePointKnobs
    clock: Clock

    def answer(self, target: Target, address: str, fault: FaultAction | None, write: Callable[[E], Json]) -> Json:
        """Return the body for a request to `address`, entries by `write`; raises GraphFailure."""
        now = self.clock.now()
        if fault is not None and fault.kind == "gone":
            code = str(fault.get("code", self.knobs.gone_code))
            self._gone(target, address, code, str(fault.get("location", "good")))
        if target.token == _BAD_LINK:
            raise GraphFailure(500, "generalException", "General exception while processing")
        page = self.feed.latest(now) if target.token == _LATEST else self._page(target, address, write, now)
        kind = "@odata.deltaLink" if page.last else "@odata.nextLink"
        return {"value": page.value, kind: link(address, target, "token", page.token)}

    def _page(self, target: Target, address: str, write: Callable[[E], Json], now: float) -> Page:
        try:
            token = self.feed.parse(target.token, now) if target.token else None
            return self.feed.page(token, top_of(target, self.knobs), write, now)
        except GraphFailure as failure:
            if failure.status == 410:
                self._gone(target, address, failure.inner or "", self.knobs.gone_location)
            raise

    def _gone(self, target: Target, address: str, code: str, location: str) -> NoReturn:
        headers = {}
        if location == "good":
            headers["Location"] = link(address, target)
        elif location == "bad":
            headers["Location"] = link(address, target, "token", _BAD_LINK)
        raise GraphFailure(410, "resyncRequired", "Resync required.", inner=code, headers=headers)


def starts_round(token: str | None) -> bool:
    """Say whether a request begins a round: the later pages of one are laid out already."""
    known = Token.decode(token) if token else None
    return known is None or known.round == 0
