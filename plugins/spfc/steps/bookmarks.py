"""Keep bookmarks of big uploads in the ledger, under the lease of the run."""

from __future__ import annotations

from collections.abc import Callable

from spfc.ledger.uploads import UploadRow, forget_uploads, load_upload, store_upload
from spfc.routes import VerifyPolicy
from spfc.steps.context import RunContext
from spfc.transfer.bookmark import Bookmark, Care


class LedgerBookmarks:
    """Implements :class:`spfc.transfer.bookmark.Bookmarks`. Raises LeaseLost when another run has taken over."""

    def __init__(self, run: RunContext) -> None:
        self._run = run

    def find(self, item_id: str) -> Bookmark | None:
        """See the protocol."""
        with self._run.reading() as connection:
            row = load_upload(connection, self._run.route.name, item_id)
        if row is None:
            return None
        return Bookmark(
            row.item_id, row.target_path, row.version, row.stream_version, row.size, row.chunk_size, row.sent,
            row.state, row.suspect,
        )  # fmt: skip

    def keep(self, bookmark: Bookmark) -> None:
        """See the protocol."""
        row = UploadRow(
            bookmark.item_id, bookmark.target_path, bookmark.version, bookmark.stream_version, bookmark.size,
            bookmark.chunk_size, bookmark.offset, bookmark.state, bookmark.suspect,
        )  # fmt: skip
        with self._run.writing() as connection:
            store_upload(connection, self._run.route.name, self._run.now(), row)

    def drop(self, item_id: str) -> None:
        """See the protocol."""
        with self._run.writing() as connection:
            forget_uploads(connection, self._run.route.name, [item_id])


def care_of(run: RunContext, hurried: Callable[[], bool] = bool) -> Care:
    """Return how carefully the copies of a run are made; ``hurried`` says when to break off."""
    return Care(run.route.policies.verify is VerifyPolicy.READ_BACK, LedgerBookmarks(run), hurried)
