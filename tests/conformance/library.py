"""The folder that every client reads: names that break clients, sizes around their limits, more files than a page."""

from __future__ import annotations

import os
import random
from pathlib import Path

SEED = 17
NAMES = (
    "plain.txt", "two  spaces.txt", "UPPER.TXT", "é precomposed.txt", "e\u0301 decomposed.txt", "日本語.txt",
    "emoji 😀.txt", "a#b.txt", "100%.txt", "%41 escaped.txt", "a+b.txt", "a&b=c.txt", "it's.txt", "semi;colon.txt",
    "comma,name.txt", "(round) [square] {curly}.txt", "tilde~.txt", "at@home.txt", "dollar$.txt", "bang!.txt",
    "no extension", ".hidden", "dots...in.a.name.txt", "a" * 120 + ".txt",
)  # fmt: skip
"""Every kind of name that the service lets in (Graph reference 12)."""
MANY = 250
"""Files in one folder: the service's pages hold 200 (Graph reference 6.2)."""
BIG = 11 << 20
"""More than the 10 MiB that some clients read at once."""


def fill(folder: Path) -> Path:
    """Write the library into ``folder``, which is made; the same names, bytes and times every time."""
    chance = random.Random(SEED)
    folder.mkdir(parents=True)
    files = {name: chance.randbytes(chance.randrange(1, 5000)) for name in NAMES}
    files |= {"empty.bin": b"", "one byte.bin": b"\xff", "big.bin": chance.randbytes(BIG), "report.docx": b"PK" * 777}
    files |= {f"Folder é #1 & 50%/{name}": name.encode() for name in NAMES[:12]}
    files |= {"deep/1/2/3/4/5/6/end.txt": b"end", "deep/1/two.txt": b"2"}
    files |= {f"many/file {number:03d}.txt": f"{number}\n".encode() for number in range(MANY)}
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
        when = 1_600_000_000 + chance.randrange(100_000_000)
        os.utime(folder / path, (when, when))
    (folder / "empty folder").mkdir()
    return folder
