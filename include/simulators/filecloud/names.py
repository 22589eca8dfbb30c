"""Which names the server refuses, and when two names are the same to it (reference 4, 11)."""

from __future__ import annotations

import unicodedata

from simulators.filecloud.errors import Refused
from simulators.filecloud.knobs import FileCloudKnobs

LONGEST_NAME = 255  # bytes; what the file systems below a server hold (reference 11, client rule)


def fold(name: str) -> str:
    """Return the key under which names differing only in case are equal.

    Full Unicode folding: the stricter reading, as the server's own rule is unknown (reference 4).
    """
    return name.casefold()


def normal(name: str, knobs: FileCloudKnobs) -> str:
    """Return the form in which a name is stored (reference 4: knob `normalize`)."""
    return unicodedata.normalize("NFC", name) if knobs.normalize == "nfc" else name


def check_leaf(name: str) -> None:
    """Raise Refused for a name that cannot be one step of a path on any server."""
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise Refused("The name is not valid", "CLFC-1001")
    if len(name.encode("utf-8", "surrogateescape")) > LONGEST_NAME:
        raise Refused("The name is too long", "CLFC-1002")


def check_new(name: str, knobs: FileCloudKnobs, is_file: bool) -> None:
    """Raise Refused for a name that may not be created (reference 11)."""
    check_leaf(name)
    if name.startswith(" "):
        raise Refused("Names with leading spaces are not allowed", "CLFC-1003")
    if any(part in name for part in knobs.refused_name_parts):
        raise Refused("The name contains a restricted text", "CLFC-1004")
    if any(character in name for character in knobs.refused_characters):
        raise Refused("The name contains a restricted character", "CLFC-1005")
    if is_file and extension(name).lower() in knobs.refused_extensions:
        raise Refused("This type of file is not allowed", "CLFC-1006")


def extension(name: str) -> str:
    """Return what follows the last dot, or nothing."""
    return name.rpartition(".")[2] if "." in name else ""
