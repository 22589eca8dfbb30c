"""Progress of big uploads: one row for each, struck off with the outcome, forgotten when old."""

from __future__ import annotations

from dataclasses import replace

from tests.planning.trees import ROOT, file, synced

from spfc.ledger.database import Database
from spfc.ledger.observations import store_items
from spfc.ledger.outcomes import LineResult, record_results
from spfc.ledger.uploads import KEPT_SECONDS, UploadRow, forget_uploads, load_upload, prune_uploads, store_upload
from spfc.planning.model import Outcome

ROW = UploadRow("1", "/a.bin", "v1", None, 1 << 40, 20 << 20, 1 << 39, {"length": 5, "own": "ff"}, False)


def test_the_last_word_counts(database: Database) -> None:
    later = replace(ROW, sent=2, stream_version="tag", suspect=True)
    with database.writing() as connection:
        for route, row in (("r", ROW), ("s", ROW), ("r", later)):
            store_upload(connection, route, 1.0, row)
        assert load_upload(connection, "r", "1") == later
        assert load_upload(connection, "s", "1") == ROW
        forget_uploads(connection, "r", ["1", "2"])
        assert load_upload(connection, "r", "1") is None
        assert load_upload(connection, "s", "1") == ROW


def test_old_progress_is_forgotten(database: Database) -> None:
    with database.writing() as connection:
        store_upload(connection, "r", 100.0, ROW)
        prune_uploads(connection, "r", 100.0 + KEPT_SECONDS)
        assert load_upload(connection, "r", "1") == ROW
        prune_uploads(connection, "r", 101.0 + KEPT_SECONDS)
        assert load_upload(connection, "r", "1") is None


def test_progress_goes_with_the_copy_and_stays_with_a_failure(database: Database) -> None:
    item = file("1", "root", "a.bin")
    with database.writing() as connection:
        store_items(connection, "r", [ROOT, item], 1, 1.0)
        for outcome, copy, left in ((Outcome.FAILED, None, ROW), (Outcome.DONE, synced(item), None)):
            store_upload(connection, "r", 1.0, ROW)
            result = LineResult(1, "1", outcome, code="" if copy else "service_busy", synced=copy)
            record_results(connection, route="r", plan_id="p", run_id="x", now=2.0, results=[result])
            assert load_upload(connection, "r", "1") == left
