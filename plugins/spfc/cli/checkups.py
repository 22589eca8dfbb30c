"""Which checks a route needs: those of its source, and those of its target."""

from __future__ import annotations

from collections.abc import Callable

from spfc.doctor.checkup import Part
from spfc.doctor.filecloud_source import FileCloudSourceChecks
from spfc.doctor.filecloud_target import FileCloudTargetChecks
from spfc.doctor.graph import GraphChecks
from spfc.doctor.graph_library import LibraryChecks
from spfc.doctor.graph_list import ListChecks
from spfc.doctor.storage import StorageChecks
from spfc.doctor.table import TableChecks
from spfc.graph.governor import Governor
from spfc.graph.settings import GraphSettings
from spfc.pipeline.wiring import filecloud_settings, graph_settings, make_storage, make_table
from spfc.routes import AnyRoute, FileCloudTarget, ListRoute, Route, SharePointSource


def parts_of(route: AnyRoute, governor: Callable[[GraphSettings], Governor]) -> tuple[Part, Part]:
    """Return the checks of both ends of a route."""
    if isinstance(route, ListRoute):
        return _list_of(route, governor), TableChecks(lambda: make_table(route), route.target.label)
    source = _source_of(route, governor)
    return source, _target_of(route, source)


def _list_of(route: ListRoute, governor: Callable[[GraphSettings], Governor]) -> ListChecks:
    place, page_size = route.source, route.limits.page_size
    return ListChecks(lambda: graph_settings(place.connection, page_size=page_size), place, governor=governor)


def _source_of(route: Route, governor: Callable[[GraphSettings], Governor]) -> LibraryChecks | FileCloudSourceChecks:
    place, limits = route.source, route.limits
    if isinstance(place, SharePointSource):
        return LibraryChecks(
            lambda: graph_settings(place.connection, page_size=limits.page_size, workers=limits.workers),
            place,
            governor=governor,
        )
    return FileCloudSourceChecks(lambda: filecloud_settings(place.connection, limits.workers), place)


def _target_of(route: Route, source: LibraryChecks | FileCloudSourceChecks) -> Part:
    place, limits = route.target, route.limits
    known = source if isinstance(source, GraphChecks) else None

    def coming() -> int | None:
        return known.bytes_held if known else None

    if isinstance(place, FileCloudTarget):
        return FileCloudTargetChecks(
            lambda: filecloud_settings(place.connection, limits.workers),
            route,
            place,
            skew=lambda: known.skew if known else 0.0,
            coming=coming,
        )
    return StorageChecks(lambda: make_storage(place), route, place, coming=coming)
