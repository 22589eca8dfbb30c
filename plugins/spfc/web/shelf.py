"""Finds reports on disk by route and run: bounded reading, nothing outside the folder, nothing incomplete."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spfc.reporting.model import Verdict
from spfc.reporting.writers import CSV_NAME, HTML_NAME, JSON_NAME
from spfc.routes import ROUTE_NAME

RUN_FOLDER = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,109}")
"""What :func:`spfc.reporting.safe_run_id` can make; no dot at the beginning, so neither ``..`` nor hidden
files.
"""

FILES = frozenset({CSV_NAME, HTML_NAME, JSON_NAME})

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shelved:
    """One complete report. ``content`` is its JSON document (see :mod:`spfc.reporting.document`)."""

    route: str
    run: str
    content: dict[str, Any]

    @property
    def dag_id(self) -> str:
        """The DAG whose readers may read this report."""
        return str(self.content["run"]["dag_id"])

    @property
    def verdict(self) -> Verdict:
        """The run at a glance."""
        return Verdict(self.content["verdict"])


class Shelf:
    """The reports below one folder. Names that cannot be a route or a run are simply not there."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def routes(self) -> list[str]:
        """Return the names of all routes that have a folder, sorted."""
        if not self._root.is_dir():
            return []
        return sorted(entry.name for entry in self._root.iterdir() if self._is_route(entry.name) and entry.is_dir())

    def runs(self, route: str, limit: int) -> list[Shelved]:
        """Return at most ``limit`` reports of a route, latest first; logs and leaves out broken ones."""
        if not self._is_route(route) or not (self._root / route).is_dir():
            return []
        found: list[tuple[float, str]] = []
        for entry in (self._root / route).iterdir():
            path = self.file(route, entry.name, JSON_NAME)
            if path is not None:
                found.append((path.stat().st_mtime, entry.name))
        found.sort(reverse=True)
        reports = (self.report(route, run) for _, run in found[:limit])
        return [report for report in reports if report is not None]

    def report(self, route: str, run: str) -> Shelved | None:
        """Return one report, or None when there is none, or none that can be read."""
        path = self.file(route, run, JSON_NAME)
        if path is None:
            return None
        try:
            shelved = Shelved(route, run, json.loads(path.read_text(encoding="utf-8")))
            _ = shelved.dag_id, shelved.verdict
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("Report %s of route %s cannot be read: %s", run, route, type(error).__name__)
            return None
        return shelved

    def file(self, route: str, run: str, name: str) -> Path | None:
        """Return the path of a report's file, None unless it is a regular file below the root."""
        if not (self._is_route(route) and RUN_FOLDER.fullmatch(run) and name in FILES):
            return None
        path = (self._root / route / run / name).resolve()
        inside = path.is_relative_to(self._root.resolve())  # a link may lead elsewhere
        return path if inside and path.is_file() else None

    @staticmethod
    def _is_route(name: str) -> bool:
        return ROUTE_NAME.fullmatch(name) is not None
