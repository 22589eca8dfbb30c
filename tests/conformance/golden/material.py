"""What the wishes are about: sizes, times, names and bytes; imported on both sides, so nothing but the language."""

from __future__ import annotations

MIB = 1 << 20
WHEN = 1721417520
"""2024-07-19T19:32:00Z"""
SIZES = (1, 20 * MIB - 1, 20 * MIB, 20 * MIB + 1, 45 * MIB)
"""FileCloud reference 17.1, row 3."""
TIMES = {
    "summer": WHEN,
    "winter": 1705692720,
    "in the hour that Chicago skips": 1710057600 + 1800,
    "in the hour that Chicago repeats": 1730613600 + 1800,
    "far past": 1,
    "far future": 4102444799,
}
"""Row 4: seconds UTC."""
LISTINGS = (0, 1, 999, 1000, 1001, 2500)
"""Row 6: how many entries a folder has."""
NAMES = (
    "é.txt", "a#b.txt", "a&b.txt", "a+b.txt", "a%b.txt", "it's.txt", 'say "x".txt', "two words.txt", "😀.txt",
    "e\u0301.txt", "wow!.txt", "semi;colon=.txt",
)  # fmt: skip
"""Row 14."""
TWO_FACTOR_CODE = "123456"


def content(size: int) -> bytes:
    """Return ``size`` bytes that a multipart reader could stumble over."""
    pattern = b"\r\n--boundary\r\n\0\xff" + bytes(range(256))
    return (pattern * (size // len(pattern) + 1))[:size]
