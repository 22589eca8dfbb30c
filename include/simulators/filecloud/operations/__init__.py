"""The operations of the server, by lower-case name: one table to look them up in."""

from __future__ import annotations

from simulators.filecloud.exchange import Operation
from simulators.filecloud.operations import account, browse, change, download, history, sync, upload

OPEN: dict[str, Operation] = account.OPEN
CLOSED: dict[str, Operation] = {
    **account.OPERATIONS,
    **browse.OPERATIONS,
    **change.OPERATIONS,
    **upload.OPERATIONS,
    **download.OPERATIONS,
    **history.OPERATIONS,
    **sync.OPERATIONS,
}

__all__ = ["CLOSED", "OPEN"]
