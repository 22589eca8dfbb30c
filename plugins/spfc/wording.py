"""How numbers, sizes, durations, times and odd characters are written for people."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

_UNITS = ("kB", "MB", "GB", "TB", "PB")
_CONTROLS = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421, 0x2028: 0x21B5, 0x2029: 0x21B5}
_SURROGATES = re.compile("[\ud800-\udfff]")


def count(number: int) -> str:
    """Write a whole number with thousands separators: ``1,204``."""
    return f"{number:,}"


def plural(number: int, one: str, many: str | None = None) -> str:
    """Write a number with its noun: ``1 file``, ``2 files``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size(octets: float) -> str:
    """Write bytes in decimal units with three significant digits: ``0 bytes``, ``3.42 GB``."""
    if octets < 1000:
        return plural(int(octets), "byte")
    value, power = octets / 1000, 0
    while value >= 999.5 and power < len(_UNITS) - 1:
        value, power = value / 1000, power + 1
    return f"{value:.{max(0, 3 - len(str(int(value))))}f} {_UNITS[power]}"


def duration(seconds: float) -> str:
    """Write a span of time with its two largest units: ``0.4 s``, ``4 min 12 s``, ``3 d 2 h``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    rest = round(seconds)
    parts = []
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        amount, rest = divmod(rest, length)
        parts.append((amount, unit))
    first = next(index for index, (amount, _) in enumerate(parts) if amount)
    return " ".join(f"{amount} {unit}" for amount, unit in parts[first : first + 2] if amount)


def moment(epoch: float) -> str:
    """Write seconds since 1970 as a UTC time: ``2026-11-21 07:56:35 UTC``."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def timestamp(epoch: float | None) -> str:
    """Write seconds since 1970 as ISO 8601 for machines, to the second; None becomes the empty text."""
    return "" if epoch is None else _second(int(epoch))


@lru_cache(maxsize=1024)
def _second(epoch: int) -> str:
    # Lines of a run end close together, so most of a million times are already written.
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rate(amount: float, seconds: float) -> float:
    """Return ``amount`` per second, 0 for a span too short to say anything."""
    return amount / seconds if seconds >= 0.001 else 0.0


def visible(text: str) -> str:
    """Replace what would break a page: controls by their symbols, lone surrogates by U+FFFD."""
    return _SURROGATES.sub("\ufffd", text.translate(_CONTROLS))
