"""A list at SharePoint, from its name to the first page of its change feed."""

from __future__ import annotations

import time
from collections.abc import Callable

from spfc.doctor.graph import GraphChecks, default_governor
from spfc.doctor.shape import Finding, Step, ok, warn
from spfc.graph.governor import Governor
from spfc.graph.list_items import MOST_LOOKUPS
from spfc.graph.lists import ListPlace
from spfc.graph.settings import GraphSettings
from spfc.records.model import Column
from spfc.routes import SharePointList
from spfc.wording import plural


class ListChecks(GraphChecks):
    """The checks of a route that keeps a list."""

    def __init__(
        self,
        load: Callable[[], GraphSettings],
        place: SharePointList,
        *,
        governor: Callable[[GraphSettings], Governor] = default_governor,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(load, place, governor=governor, now=now)
        self._list = place
        self.columns: tuple[Column, ...] = ()

    def content_steps(self, site: tuple[str, ...]) -> list[Step]:
        """See the base class."""
        return [
            Step("graph.list", self._find, site),
            Step("graph.columns", self._read_columns, ("graph.list",)),
            Step("graph.list_feed", self._read_feed, ("graph.list",)),
        ]

    def _find(self) -> Finding:
        self._place: ListPlace = self.line.client.list_place(self.site.id, self._list.list)
        return ok(f"{self._place.title} at {self._place.web_url}.")

    def _read_columns(self) -> Finding:
        self.columns = self.line.client.list_columns(self.site.id, self._place.id)
        told = f"{plural(len(self.columns), 'column')} will be in the table."
        apart = sum(column.apart for column in self.columns)
        if apart:
            return warn(
                f"{told} {apart} are lookups and people beyond the {MOST_LOOKUPS} that Microsoft Graph tells of many "
                "rows, so every new or changed row costs a request of its own.",
                "Nothing has to be done. For a list of many rows, let the first run have a night: "
                "limits.time_box_minutes ends it between two pages, and the next one goes on there.",
            )
        return ok(told)

    def _read_feed(self) -> Finding:
        page = self.line.client.list_delta(self.site.id, self._place.id, None)
        more = "that is all" if page.complete else "more follow"
        return ok(f"{plural(len(page.records), 'row')} on the first page; {more}.")
