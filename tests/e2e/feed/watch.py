"""What tests of the feed over HTTP look at: plan lines, folders on disk, and the requests that were sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.e2e.conftest import House

from spfc.errors import SpfcError
from spfc.ledger.leases import release_lease
from spfc.ledger.plans import stored_lines
from spfc.steps.enumerate import enumerate_source


def told(house: House) -> list[str]:
    """Return the lines of the last plan: outcome, action, reason, path."""
    if not house.manifest:
        return []
    with house.database.reading() as connection:
        lines = [(stored.outcome.value, stored.line) for stored in stored_lines(connection, house.manifest["plan_id"])]
    return sorted(f"{outcome} {line.action.value} {line.reason.value} {line.path}" for outcome, line in lines)


def tree(root: Path) -> dict[str, bytes | None]:
    """Return the content of every file below ``root``, None for folders."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else None for path in root.rglob("*")
    }


def requests(house: House, since: int, operation: str = "delta") -> list[int]:
    """Return the status of each Graph request of one kind since a mark of the journal."""
    entries = house.sharepoint.journal.since(since)
    return [entry.status for entry in entries if (entry.service, entry.operation) == ("graph", operation)]


def write(house: House, *names: str) -> None:
    """Put files into the library; each holds its own path."""
    for name in names:
        path = house.library / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def refused(house: House, error: type[SpfcError], match: str) -> SpfcError:
    """Run into an error while the feed is read; return it. Nothing may reach FileCloud, nothing may change there."""
    before, mark = tree(house.mirror), house.filecloud.journal.mark()
    run = house.context()
    with pytest.raises(error, match=match) as caught:
        enumerate_source(run)
    with house.database.writing() as connection:
        release_lease(connection, run.route.name, run.fence or 0)
    assert (tree(house.mirror), house.filecloud.journal.since(mark)) == (before, [])
    return caught.value
