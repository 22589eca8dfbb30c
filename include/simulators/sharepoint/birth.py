"""The birth time of a file on Linux, which Python's stat does not give."""

from __future__ import annotations

import ctypes
import os

_BTIME = 0x800
_AT_FDCWD = -100
_AT_SYMLINK_NOFOLLOW = 0x100
_MASK_AT = 0
_BTIME_AT = 80  # offset of stx_btime in struct statx (linux/stat.h): mask .. attributes_mask, atime, btime
_BUFFER = 256


def _load() -> ctypes._NamedFuncPointer | None:
    try:
        function = ctypes.CDLL(None, use_errno=True).statx
    except (OSError, AttributeError):
        return None
    function.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint, ctypes.c_char_p]
    function.restype = ctypes.c_int
    return function


_STATX = _load()


def birth_ns(path: str) -> int | None:
    """Return when `path` was born, nanoseconds since the epoch, or None when it cannot be told."""
    if _STATX is None:
        return None
    buffer = ctypes.create_string_buffer(_BUFFER)
    if _STATX(_AT_FDCWD, os.fsencode(path), _AT_SYMLINK_NOFOLLOW, _BTIME, buffer) != 0:
        return None
    raw = buffer.raw
    if not int.from_bytes(raw[_MASK_AT : _MASK_AT + 4], "little") & _BTIME:
        return None
    seconds = int.from_bytes(raw[_BTIME_AT : _BTIME_AT + 8], "little", signed=True)
    return seconds * 1_000_000_000 + int.from_bytes(raw[_BTIME_AT + 8 : _BTIME_AT + 12], "little")
