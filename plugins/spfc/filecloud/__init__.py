"""The wire client for FileCloud: session, calls, upload, download."""

from __future__ import annotations

from spfc.filecloud.calls import Chunk
from spfc.filecloud.client import FileCloudClient
from spfc.filecloud.download import Download
from spfc.filecloud.paging import list_whole_folder
from spfc.filecloud.records import Entry, Identity, Listing, SyncChange, Usage, Version
from spfc.filecloud.refusals import CallRefused, Hint
from spfc.filecloud.settings import DateStyle, EntryTypes, FileCloudSettings

__all__ = [
    "CallRefused", "Chunk", "DateStyle", "Download", "Entry", "EntryTypes", "FileCloudClient", "FileCloudSettings",
    "Hint", "Identity", "Listing", "SyncChange", "Usage", "Version", "list_whole_folder",
]  # fmt: skip
