"""The kinds of single values in a route: folders, tags, hours, time zones."""

from __future__ import annotations

import re
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

ROUTE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
"""Route names become DAG ids, file names and ledger keys, so they stay plain."""


class Strict(BaseModel):
    """Unknown keys are refused, and nothing changes after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


def _folder(value: str) -> str:
    """Normalise a folder path: absolute, no trailing slash, no dot segments."""
    segments = [part for part in value.split("/") if part]
    if any(part in {".", ".."} or "\x00" in part for part in segments):
        raise ValueError(f"folder {value!r} must not contain '.' or '..' segments")
    return "/" + "/".join(segments)


def base_folder(value: str) -> str:
    """Normalise a target base folder; the empty path and ``/`` would claim the whole server."""
    folder = _folder(value)
    if folder == "/":
        raise ValueError("the base folder must not be empty: name the folder below which this route may write")
    return folder


Folder = Annotated[str, AfterValidator(_folder)]
BaseFolder = Annotated[str, AfterValidator(base_folder)]

Label = Annotated[str, Field(min_length=1, max_length=100)]
"""A tag of the DAG; Airflow refuses longer ones."""


def _zone(value: str) -> str:
    """Accept the names that this machine's time zone database knows."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"time zone {value!r} is not known here: use an IANA name such as Europe/Berlin") from None
    return value


def _hours(value: str) -> str:
    """Refuse a span that begins when it ends: it could mean never or always."""
    begin, _, end = value.partition("-")
    if begin == end or (begin, end) == ("00:00", "24:00"):
        raise ValueError(f"quiet hours {value!r} would last all day or not at all")
    return value


Zone = Annotated[str, AfterValidator(_zone)]
Hours = Annotated[
    str,
    Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"),
    AfterValidator(_hours),
]
"""A span of the day as ``HH:MM-HH:MM``; one that ends before it begins goes over midnight."""


def lies_inside(path: str, folder: str) -> bool:
    """Say whether ``path`` is ``folder`` or lies below it, as a case-insensitive server sees it."""
    path, folder = path.casefold(), folder.casefold()
    return path == folder or path.startswith(folder.rstrip("/") + "/")
