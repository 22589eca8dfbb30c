"""Writes the sample library: a few hundred real documents in a tree with every awkward name we know of."""

from __future__ import annotations

import os
import random
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path, PurePosixPath

from demo.documents import MAKERS, make, sentence, write_big_zip

BIG_FILE_BYTES = 101 * 1024 * 1024
"""Size of the one large file: above 100 MB in either way of counting."""

DOCUMENTS = 320
"""How many ordinary documents are spread over the folders, besides those with awkward names."""

_DEPARTMENTS = ("Finance", "Legal", "Engineering", "Operations", "Marketing", "Facilities")
_SUBJECTS = ("Contracts", "Minutes", "Reports", "Drawings", "Templates")
_DEEP = PurePosixPath(
    "Engineering/Harbour project/Phase 1/Lot 3/Building B/Floor 2/Corridor east/Cabinet 14/Shelf 2/Binder 7/Register C"
)
_EMPTY_FOLDERS = (
    "Facilities/Not yet filed",
    "Legal/Archive/2014/closed/empty on purpose",
    "空文件夹",
    "Marketing/Ideas 💡",
)
_EMPTY_FILES = (
    "Operations/placeholder.txt",
    "Operations/Reports/.keep",
    "Legal/Contracts/empty & waiting.txt",
)
_LONG = "长" * 80 + ".txt"
"""A legal name of 84 characters that takes 244 bytes in UTF-8: near the 255 bytes a file system allows."""

AWKWARD_FILES = (
    "Engineering/C# style guide.docx",
    "Engineering/#1 priority.txt",
    "Finance/100% funded.xlsx",
    "Finance/50%25 is not 50%.pdf",
    "Finance/Q1 + Q2 totals.xlsx",
    "Finance/a+b=c; d@e, f!.txt",
    "Legal/Tenant's copy.docx",
    "Legal/'quoted'.pdf",
    "Marketing/R&D day.pptx",
    "Marketing/&amp; is not &.txt",
    "Marketing/two  spaces   inside.txt",
    "Marketing/brackets [1] (2) {3}.png",
    "Marketing/$price~list^`.txt",
    "人力资源/员工手册 2024.docx",
    "人力资源/考勤表.xlsx",
    "人力资源/" + _LONG,
    "العقود/عقد الإيجار.pdf",
    "العقود/ملاحظات الاجتماع.txt",
    "Launch 🚀/Plan ✅.pptx",
    "Launch 🚀/👩‍🚀🏽 crew.png",
    "Launch 🚀/🎉.zip",
    unicodedata.normalize("NFD", "Übersicht/Café menü.pdf"),
    unicodedata.normalize("NFD", "Übersicht/Ångström résumé.docx"),
    unicodedata.normalize("NFC", "Engineering/Prüfbericht naïve.txt"),
    "Ελληνικά/Αναφορά.txt",
    "Документы/Смета №7.xlsx",
    "日本語/議事録「第一回」.txt",
    "R&D 100% #1 + 'more'/all of them # % & + '.txt",
)
"""Paths whose names hold what breaks careless software; decomposed accents are spelled in NFD on purpose."""


@dataclass(slots=True)
class SampleLibrary:
    """What was written: counts and bytes of one sample library."""

    root: Path
    files: int = 0
    folders: int = 0
    empty_folders: int = 0
    empty_files: int = 0
    size: int = 0
    largest: int = 0
    kinds: dict[str, int] = field(default_factory=dict)


def build(
    root: Path,
    *,
    seed: int = 1,
    documents: int = DOCUMENTS,
    big_bytes: int = BIG_FILE_BYTES,
    kinds: Sequence[str] = tuple(MAKERS),
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> SampleLibrary:
    """Write the library into the folder `root`, which is made and must be empty; return what was written.

    Equal seeds give equal trees, bytes and modification times. `tell` is called with (files done, files in
    all). The times lie on whole seconds between 2012 and 2025, in summer and in winter. `kinds` are the
    extensions of the ordinary documents.
    """
    root.mkdir(parents=True, exist_ok=True)
    if any(root.iterdir()):
        raise FileExistsError(f"{root} is not empty")
    rng = random.Random(seed)
    plan = _plan(rng, documents, kinds)
    for done, path in enumerate(plan):
        tell(done, len(plan) + 1)
        _write(root / path, make(path, seed))
    _write_big(root, big_bytes, seed)
    for empty in _EMPTY_FILES:
        _write(root / empty, b"")
    for folder in _EMPTY_FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    _set_times(root, rng)
    tell(len(plan) + 1, len(plan) + 1)
    return survey(root)


def survey(root: Path) -> SampleLibrary:
    """Count what lies below `root`."""
    found = SampleLibrary(root)
    for folder, subfolders, files in os.walk(root):
        found.folders += len(subfolders)
        found.empty_folders += not subfolders and not files
        for name in files:
            path = Path(folder) / name
            if path.is_symlink():
                continue  # no system on either side publishes links
            size = path.stat().st_size
            suffix = Path(name).suffix.lower()
            found.files += 1
            found.empty_files += size == 0
            found.size += size
            found.largest = max(found.largest, size)
            found.kinds[suffix] = found.kinds.get(suffix, 0) + 1
    return found


def _plan(rng: random.Random, documents: int, kinds: Sequence[str]) -> list[str]:
    """Return the paths of all documents except the large and the empty ones; no two differ only in case."""
    paths = list(AWKWARD_FILES)
    seen = {path.casefold() for path in paths}
    folders, suffixes = cycle(_folders(rng)), cycle(kinds)
    while len(paths) < documents + len(AWKWARD_FILES):
        name = f"{sentence(rng, rng.randint(2, 5)).rstrip('.')}{next(suffixes)}"
        path = f"{next(folders)}/{name}"
        if path.casefold() not in seen:
            seen.add(path.casefold())
            paths.append(path)
    return paths


def _folders(rng: random.Random) -> list[str]:
    folders = [f"{department}/{subject}" for department in _DEPARTMENTS for subject in _SUBJECTS]
    folders += [f"{folder}/{year}" for folder in folders[::3] for year in (2021, 2022, 2023)]
    folders += list(_DEPARTMENTS) + list(_lineage(_DEEP))
    rng.shuffle(folders)
    return folders


def _lineage(path: PurePosixPath) -> Iterator[str]:
    yield str(path)
    for parent in path.parents:
        if parent.name:
            yield str(parent)


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)


def _write_big(root: Path, size: int, seed: int) -> None:
    path = root / "Engineering" / "Drawings" / "Site survey (raw scans).zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_big_zip(path, size, seed)


def _set_times(root: Path, rng: random.Random) -> None:
    start, end = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2012, 2025))
    for path in sorted(root.rglob("*")):
        if path.is_file():
            stamp = rng.randint(start, end)
            os.utime(path, (stamp, stamp))
