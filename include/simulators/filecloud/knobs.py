"""Every answer that real FileCloud servers may give differently, as one value to choose from.

Section numbers are those of the FileCloud reference. A default is the reference's `sim:` value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

PROFILES: Final[Mapping[str, Mapping[str, Any]]] = {
    "legacy": {"field_set": "legacy", "etag": False, "utc_times": False, "csrf": "off"},
    "2024": {"field_set": "2024", "etag": False, "utc_times": True, "csrf": "browser_only"},
    "current": {"field_set": "current", "etag": True, "utc_times": True, "csrf": "browser_only"},
}  # reference 17, table of server profiles


class KnobError(ValueError):
    """A knob is unknown or has a value it cannot take; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCloudKnobs:
    """How the simulated server behaves. Sizes are bytes, times seconds.

    Raises KnobError for a value outside a closed set or an unknown time zone.
    """

    # profile (17)
    field_set: Literal["legacy", "2024", "current"] = "current"
    etag: bool = True
    utc_times: bool = True
    csrf: Literal["off", "browser_only", "strict"] = "browser_only"
    # session (2)
    two_factor_code: str = ""
    login_success_result: int = 1
    login_without_session: bool = False
    lockout_failures: int = 5
    lockout_s: float = 300.0
    session_ttl_s: float = 0.0
    max_sessions: int = 0
    serialize_sessions: bool = False
    work_s: float = 0.0
    """How long every call of a session keeps the server busy: what waits for its turn waits this long (16, P9)."""
    dead_session_stat: Literal["refused", "missing"] = "refused"
    """What `fileinfo` says without a session: that there is none, or, worse, that nothing is there (2.4, 18)."""
    expired_session_mode: Literal["xml_result0", "http_401", "http_403", "redirect_html", "html_200"] = "xml_result0"
    # paths and names (4, 11)
    team_folders: tuple[str, ...] = ()
    denied_paths: tuple[str, ...] = ()
    """What is nowhere shown."""
    closed_paths: tuple[str, ...] = ()
    """Folders that are shown but whose content may not be listed."""
    broken_paths: tuple[str, ...] = ()
    """Folders that are shown but that the server fails to list: status 500 (12)."""
    read_only_paths: tuple[str, ...] = ()
    locked_paths: tuple[str, ...] = ()
    network_folders: tuple[str, ...] = ()
    normalize: Literal["none", "nfc"] = "none"
    refused_extensions: tuple[str, ...] = ("php", "php5", "phar", "phtml")
    refused_name_parts: tuple[str, ...] = ()
    refused_characters: str = ""
    # times (3.3, 7.3)
    server_tz: str = "America/Chicago"
    offset_follows: Literal["instant", "season"] = "instant"
    naive_date_is: Literal["utc", "server_tz"] = "utc"
    date_ignored: bool = False
    # etag (16, P3)
    etag_needs_extra_fields: bool = False
    etag_after_move: Literal["keep", "change"] = "keep"
    etag_same_bytes: Literal["change", "keep"] = "change"
    etag_of_upload: Literal["listed", "another"] = "listed"
    """Whether the header after an upload names the etag that listings show."""
    # listing (3.3, 6)
    entry_types: Literal["plain", "numbers", "words"] = "plain"
    """How `type` is spelled: `dir` and `file`; as older servers did, `0` and `1`; or `directory` and nothing."""
    sync_allowed: bool = True
    """What `issyncable` says of everything (10)."""
    max_limit: int = 0
    listing_order: Literal["sorted", "permuted"] = "sorted"
    # upload (7)
    max_chunk: int = 0
    refuse_chunk_over: int = 0
    upload_creates_folders: bool = False
    overwrite_default: bool = True
    repeat_chunk: Literal["accept", "refuse"] = "accept"
    staging_of: Literal["session", "account"] = "session"
    chunk_gap: Literal["refuse", "zeros"] = "refuse"
    precondition_failure: Literal["text", "http"] = "text"
    iflastmodified_is: Literal["utc", "server_clock"] = "utc"
    upload_ok_text: str = "OK"
    upload_failure_shape: Literal["text", "xml", "json"] = "text"
    upload_etag_header: bool = True
    quota_bytes: int = 0
    # versions (7.5, 13)
    preconditions: Literal["kept", "ignored"] = "kept"
    """Whether `nofileoverwrite`, `ifetag` and `iflastmodified` are looked at at all (16, P4)."""
    atomic: bool = True
    """Whether the old content stays readable until the last chunk (7.4); else a first chunk takes its place."""
    keep_versions: int = 3
    version_size_limit: int = 0
    move_keeps_versions: bool = True
    version_checksum_element: str = ""
    # download (8)
    range: Literal["ok", "ignore", "error"] = "ok"
    s3_redirect: bool = False
    content_length: bool = True
    download_etag: bool = True
    download_missing: Literal["xml_200", "http_404"] = "xml_200"
    # folders, deletes, moves (9)
    mkdir_parents: bool = False
    mkdir_exists_result: int = 0
    mkdir_subpath: Literal["ignore", "create"] = "ignore"
    recycle: bool = True
    recycle_size_limit: int = 0
    delete_missing_result: int = 0
    case_rename: Literal["accept", "refuse"] = "accept"
    move_keeps_time: bool = True
    copy_keeps_time: bool = True

    # change feed (10)
    change_feed: bool = False

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for name, hint in hints.items():
            _check(name, hint, getattr(self, name))
        try:
            ZoneInfo(self.server_tz)
        except (KeyError, ValueError, OSError) as error:
            raise KnobError(f"server_tz: unknown time zone {self.server_tz!r}") from error

    @classmethod
    def profile(cls, name: str, **overrides: Any) -> FileCloudKnobs:
        """Return the knobs of a server generation ("legacy", "2024", "current"), some overridden.

        Raises KnobError for an unknown profile or knob.
        """
        if name not in PROFILES:
            raise KnobError(f"unknown profile {name!r}; known are {sorted(PROFILES)}")
        return _make(cls, {**PROFILES[name], **overrides})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FileCloudKnobs:
        """Return knobs from plain data such as YAML; the key `profile` chooses the base.

        Lists become tuples. Raises KnobError for an unknown key.
        """
        rest = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls.profile(str(rest.pop("profile", "current")), **rest)

    def but(self, **overrides: Any) -> FileCloudKnobs:
        """Return a copy with some knobs changed. Raises KnobError for an unknown one."""
        _refuse_unknown(type(self), overrides)
        return replace(self, **overrides)


def _refuse_unknown(cls: type[FileCloudKnobs], values: Mapping[str, Any]) -> None:
    unknown = sorted(set(values) - {f.name for f in fields(cls)})
    if unknown:
        raise KnobError(f"unknown knobs: {', '.join(unknown)}")


def _make(cls: type[FileCloudKnobs], values: Mapping[str, Any]) -> FileCloudKnobs:
    _refuse_unknown(cls, values)
    return cls(**values)


def _check(name: str, hint: Any, value: object) -> None:
    origin = get_origin(hint)
    if origin is Literal:
        if value not in get_args(hint):
            raise KnobError(f"{name}: {value!r} is not one of {list(get_args(hint))}")
        return
    if origin is tuple:
        good = isinstance(value, tuple) and all(isinstance(part, str) for part in value)
    elif hint is float:
        good = isinstance(value, int | float) and not isinstance(value, bool)
    else:
        good = type(value) is hint
    if not good:
        raise KnobError(f"{name}: {value!r} is not {hint}")
