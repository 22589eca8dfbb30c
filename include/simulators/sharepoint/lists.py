"""The lists of a site: published from a folder that anybody may edit, or made and changed by a test's calls."""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simulators.common.clock import Clock
from simulators.sharepoint.list_files import SUFFIXES, ListFileError, Published, read_list
from simulators.sharepoint.list_handle import ListHandle
from simulators.sharepoint.list_model import Json, ListTable, seen
from simulators.sharepoint.list_store import ListStore

_LOG = logging.getLogger("simulators")
_RACY_NS = 50_000_000
"""File systems stamp times in ticks of a few ms: a file this young may change again unnoticed."""
_Signature = tuple[int, int, int]


class Lists:
    """All lists of a site beside its library. Thread safe.

    Each `<name>.json` or `<name>.csv` of `folder` is one list. A file is read again only when it was changed; one that
    cannot be read leaves its list as it was (`problems` says why). Lists that :meth:`create` makes have no file.
    """

    def __init__(self, folder: Path | None, state_dir: Path, site_id: str, clock: Clock) -> None:
        self.folder = folder
        self.problems: dict[str, str] = {}
        self._site_id = site_id
        self._clock = clock
        self._lock = threading.RLock()
        self._store = ListStore(state_dir)
        self._read: dict[str, _Signature] = {}

    @contextmanager
    def opened(self, rescan: bool = False) -> Iterator[ListStore]:
        """Hold the lists still; `rescan` first brings them up to date with the folder."""
        with self._lock:
            if rescan:
                self._scan()
            yield self._store

    def close(self) -> None:
        """Write the state and close its file."""
        with self._lock:
            self._store.close()

    # -- for tests -------------------------------------------------------------------------------------

    def create(
        self, name: str, columns: Iterable[Mapping[str, Any]] = (), rows: Iterable[Mapping[str, Any]] = (), **more: Any
    ) -> ListHandle:
        """Make a list; its rows get the ids from 1. `more`: title, template, hidden, system. Raises ValueError."""
        with self.opened() as store:
            if name in store.tables:
                raise ValueError(f"there is a list {name!r} already")
            table = ListTable(name, self._guid(name), **{"title": name, **more})
            table.columns, table.created_at = [dict(column) for column in columns], self._clock.now()
            store.put_table(table)
            for fields in rows:
                store.add_row(table, table.last_id + 1, dict(fields), self._clock.now())
            store.flush()
        return ListHandle(self.opened, name, self._clock)

    def get(self, name: str) -> ListHandle:
        """Return a list that :meth:`create` has made, perhaps before a restart. Raises KeyError."""
        with self.opened() as store:
            if store.tables[name].from_file:
                raise KeyError(f"{name} is published from a file: edit that")
        return ListHandle(self.opened, name, self._clock)

    def _guid(self, name: str) -> uuid.UUID:
        return uuid.uuid5(uuid.NAMESPACE_URL, f"{self._site_id}/Lists/{name}")

    # -- files -----------------------------------------------------------------------------------------

    def _scan(self) -> None:
        found = self._files()
        for name, (path, stat) in found.items():
            signature = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if self._read.get(name) != signature:
                self._take(name, path, signature)
        for table in self._store.tables.values():
            gone = table.from_file and table.name not in found
            if gone != table.gone:
                table.gone = gone
                self._store.put_table(table)
        self._store.flush()

    def _files(self) -> dict[str, tuple[Path, os.stat_result]]:
        found: dict[str, tuple[Path, os.stat_result]] = {}
        if self.folder is None or not self.folder.is_dir():
            return found
        for path in sorted(self.folder.iterdir(), reverse=True):  # of two with one name, JSON is the one
            if path.suffix in SUFFIXES and not path.name.startswith(".") and path.is_file():
                found[path.stem] = (path, path.stat())
        return dict(sorted(found.items()))

    def _take(self, name: str, path: Path, signature: _Signature) -> None:
        began = time.time_ns()
        try:
            published = read_list(path)
        except (ListFileError, OSError) as error:
            if self.problems.get(name) != str(error):
                _LOG.warning("the list %s stays as it was: %s", name, error)
            self.problems[name] = str(error)
            return
        self.problems.pop(name, None)
        if began - signature[0] > _RACY_NS:
            self._read[name] = signature
        self._publish(name, published)

    def _publish(self, name: str, published: Published) -> None:
        table = self._store.tables.get(name)
        if table is None:
            table = ListTable(name, self._guid(name), published.title, created_at=self._clock.now(), from_file=True)
        elif not table.from_file:
            self.problems[name] = "a list of this name was made by call"
            return
        table.title, table.template = published.title, published.template
        table.hidden, table.system = published.hidden, published.system
        table.columns = [dict(column) for column in published.columns]
        self._store.put_table(table)
        self._publish_rows(table, published.rows)

    def _publish_rows(self, table: ListTable, rows: Mapping[int, Json]) -> None:
        names, now = table.column_names(), self._clock.now()
        for row_id in sorted(rows):
            row, fields = table.rows.get(row_id), rows[row_id]
            if row is None:
                self._store.add_row(table, row_id, fields, now)
                continue
            # What no column shows is no change: a column that goes takes its values along and touches no row.
            changed = row.deleted or seen(row.fields, names) != seen(fields, names)
            row.fields = fields
            if changed:
                self._store.change_row(table, row, now)
        for row in table.rows.values():
            if not row.deleted and row.id not in rows:
                self._store.change_row(table, row, now, deleted=True)
