"""The values that FileCloud's answers become."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """The answer of a command-style call (reference 3.1). ``result`` 1 means done."""

    type: str
    result: int
    message: str

    @property
    def done(self) -> bool:
        """True when the server says that it did what was asked."""
        return self.result == 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or folder as the server lists it (reference 3.3).

    ``modified`` is true seconds UTC out of ``modifiedepochutc`` and nothing else, None where the server does not
    give it (the other time fields are wall clock in disguise). ``wall_clock`` is ``modifiedepoch``: the server's wall
    clock read as if it were UTC, None where there is none. ``etag`` is opaque, None before the server has etags.
    ``can_sync``: the change feed may speak of it (reference 10).
    """

    path: str
    name: str
    is_folder: bool
    size: int
    modified: int | None = None
    etag: str | None = None
    locked: bool = False
    can_upload: bool = True
    can_download: bool = True
    can_rename: bool = True
    is_root: bool = False
    wall_clock: int | None = None
    can_sync: bool = True


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a folder, or the answer of a stat (reference 3.2, 6).

    ``total`` counts the whole folder, None when the server did not say. ``damaged``: the XML held characters that
    had to be cut, so names in it are not to be trusted.
    """

    entries: tuple[Entry, ...]
    total: int | None = None
    result: int = 1
    message: str = ""
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class SyncChange:
    """One record of the change feed (reference 10): ``path`` is the server's own, ``version`` counts up."""

    path: str
    is_folder: bool
    deleted: bool
    version: int


@dataclass(frozen=True, slots=True)
class Version:
    """One stored version of a file, the live one included (reference 13)."""

    number: str
    size: int
    how: str
    created_on: str
    created_by: str
    file_name: str
    file_id: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Room of an account in bytes (reference 5, quota). ``limit`` 0 means unlimited."""

    used: int
    limit: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the server thinks we are (reference 2.4)."""

    authenticated: bool
    profile: str
    display_name: str
