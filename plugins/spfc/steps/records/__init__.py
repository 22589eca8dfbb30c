"""The steps of a run that keeps a list in a table: read and apply, write a snapshot, close."""

from spfc.reporting.lists import ListSummary
from spfc.steps.records.closing import ClosedList, close_list
from spfc.steps.records.snapshot import SnapshotDone, write_snapshot
from spfc.steps.records.sync import box_of, sync_list

__all__ = ["ClosedList", "ListSummary", "SnapshotDone", "box_of", "close_list", "sync_list", "write_snapshot"]
