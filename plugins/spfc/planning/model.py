"""The values that planning speaks of: observed items, synced items, actions, reasons, outcomes, lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Evidence = Mapping[str, str | int | bool | None]
"""What a plan line can show for itself: small, flat, no secrets."""


class Kind(StrEnum):
    """What an item is."""

    FILE = "file"
    FOLDER = "folder"
    PACKAGE = "package"
    """A OneNote notebook or another package: has children, no content of its own."""
    LINK = "link"
    """A shortcut into another library: recorded, never followed."""


class Flag(StrEnum):
    """Marks of the source that forbid or postpone a download, or that say what it could not tell."""

    MALWARE = "malware"
    RESTRICTED = "restricted"
    PENDING = "pending"
    """The source says that the content is not settled yet."""
    UNLISTED = "unlisted"
    """Of a folder: its content could not be listed to the end, so that nothing that was not shown below it is gone."""
    PATH_TOO_LONG = "path_too_long"
    """Its path is too long to be an id: nothing that lies there is brought over."""


@dataclass(frozen=True, slots=True)
class SourceItem:
    """What the source last said of one item.

    ``modified`` is whole seconds since 1970 UTC (the client-reported time that is mirrored), ``size`` bytes.
    ``version`` changes with anything, ``content_version`` (may be missing) only with the bytes. ``hash`` is the
    quickXorHash in base64, or None when the source gives none. A ``deleted`` item may lack name and parent.
    """

    id: str
    parent_id: str | None
    name: str
    kind: Kind
    size: int = 0
    modified: int = 0
    version: str = ""
    content_version: str | None = None
    hash: str | None = None
    flags: frozenset[Flag] = frozenset()
    is_root: bool = False
    deleted: bool = False


class Verification(StrEnum):
    """What is known of the bytes at the target."""

    HASH = "hash"
    """Length and quickXorHash are those that the source listed."""
    SIZE = "size"
    """The source lists no hash; the length is the listed one."""
    MISMATCH = "mismatch"
    """The source served the same bytes twice, but lists another length or hash for them (Graph reference 8.4)."""
    ADOPTED = "adopted"
    """The file was at the target already, with the same size and time."""
    READ_BACK = "read_back"
    """The copy was downloaded from the target and is what was sent, or what the source lists."""
    FOREIGN = "foreign"
    """Somebody changed the copy at the target: the bytes are not ours any more."""


@dataclass(frozen=True, slots=True)
class SyncedItem:
    """What we last put at the target for one source item, and of which source version it is a copy.

    ``source_name`` is the name it was mapped from; ``parent_id`` is the source id of the folder it lies in.
    """

    id: str
    parent_id: str | None
    source_name: str
    target_name: str
    kind: Kind
    size: int = 0
    modified: int = 0
    version: str = ""
    content_version: str | None = None
    hash: str | None = None
    target_etag: str | None = None
    verification: str = ""
    """A :class:`Verification`; empty for folders."""


@dataclass(frozen=True, slots=True)
class TargetEntry:
    """What the target shows at a path. ``modified`` is seconds UTC, None when the server cannot say."""

    path: str
    name: str
    kind: Kind
    size: int = 0
    modified: int | None = None
    etag: str | None = None


class Action(StrEnum):
    """What a plan line wants to do. A closed set."""

    CREATE_FOLDER = "create_folder"
    MOVE = "move"
    UPLOAD = "upload"
    UPDATE = "update"
    ADOPT = "adopt"
    """The target already has it (same size and time): only remember that."""
    RECORD = "record"
    """Only metadata changed: remember the new version, no bytes move."""
    REMOVE = "remove"
    SKIP = "skip"
    """Known, owed by nobody: excluded by policy or without content."""
    HOLD = "hold"
    """Owed, but a person or the source must change something first."""


class Reason(StrEnum):
    """Why a line is in the plan. A closed set; each has one sentence in the docs."""

    NEW = "new"
    CONTENT_CHANGED = "content_changed"
    RENAMED = "renamed"
    MOVED = "moved"
    MAKE_ROOM = "make_room"
    PRESENT_AT_TARGET = "present_at_target"
    NEWER_AT_SOURCE = "newer_at_source"
    """The target had an older copy that we did not put there (first run over an existing folder)."""
    NEWER_AT_TARGET = "newer_at_target"
    """The target has another file that we did not put there: newer, equally old, or of unknown age."""
    METADATA_ONLY = "metadata_only"
    DELETED_AT_SOURCE = "deleted_at_source"
    OUT_OF_SCOPE = "out_of_scope"
    LEFT_BEHIND = "left_behind"
    """The old place of an item that the target refused to move, see :mod:`spfc.planning.leftovers`."""
    EXCLUDED = "excluded"
    EMPTY_FOLDER = "empty_folder"
    EMPTY_FOLDER_UNWANTED = "empty_folder_unwanted"
    NOT_A_FILE = "not_a_file"
    BLOCKED_BY_SOURCE = "blocked_by_source"
    UNLISTED = "unlisted"
    """The content of a folder could not be listed to the end."""
    PATH_TOO_LONG = "path_too_long"
    NAME_COLLISION = "name_collision"
    PARENT_UNKNOWN = "parent_unknown"
    BACKING_OFF = "backing_off"
    MISSING_AT_TARGET = "missing_at_target"
    """An audit did not find our copy."""
    CHANGED_AT_TARGET = "changed_at_target"
    """Somebody edited our copy at the target."""
    UNKNOWN_AT_TARGET = "unknown_at_target"
    """An audit found something that we did not put there."""


class Outcome(StrEnum):
    """How a line ended. A closed set: every line of a finished plan has exactly one."""

    PENDING = "pending"
    DONE = "done"
    SKIPPED = "skipped"
    HELD = "held"
    DEFERRED = "deferred"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One wanted action. Paths start with ``/`` and are relative to the route's source root and target root.

    ``parent_id`` is the source id of the folder that the target item shall lie in; ``from_path`` is set for moves
    only; ``size`` is bytes to be copied for uploads and updates, and what would go for removals.
    """

    action: Action
    reason: Reason
    item_id: str
    kind: Kind
    path: str
    target_path: str
    parent_id: str | None = None
    from_path: str | None = None
    size: int = 0
    evidence: Evidence = field(default_factory=dict)
