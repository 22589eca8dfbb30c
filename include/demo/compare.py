"""Judges a synchronisation: is the folder behind the target equal to the library, and where is it not?"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from spfc.planning.names import MAX_NAME_BYTES, to_target
from spfc.targets.storage.staging import STAGING

TOLERANCE_S = 2.0
"""How far modification times may lie apart (FileCloud reference 3.3: whole seconds, compared within 2 s)."""

_PIECE = 1 << 20
_MARK = "[0-9a-f]{6}"


class Fault(StrEnum):
    """In which way the two trees differ at one place."""

    MISSING = "missing"
    EXTRA = "extra"
    CONTENT = "content differs"
    TIME = "time differs"
    KIND = "file against folder"
    UNREADABLE = "cannot be compared"


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the trees differ; `path` is relative and spelled as in the library (EXTRA: store)."""

    fault: Fault
    path: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.fault}: {self.path}" + (f" ({self.detail})" if self.detail else "")


@dataclass(slots=True)
class Comparison:
    """What was compared, and every difference. `renamed` counts names that the target spells differently."""

    differences: list[Difference]
    files: int = 0
    folders: int = 0
    empty_folders: int = 0
    size: int = 0
    renamed: int = 0

    @property
    def equal(self) -> bool:
        """True when the trees are equal and there was something to compare."""
        return not self.differences

    @property
    def verdict(self) -> str:
        """The judgement in one sentence."""
        if self.equal:
            return (
                f"EQUAL: {self.files} files ({self.size:,} bytes) and {self.folders} folders "
                f"({self.empty_folders} empty) compared byte by byte, times within {TOLERANCE_S:.0f} s"
            )
        places = f"{self.files} files and {self.folders} folders"
        return f"NOT EQUAL: {len(self.differences)} difference(s) in {places}."


def compare(
    library: Path,
    store: Path,
    *,
    tolerance_s: float = TOLERANCE_S,
    wanted: Callable[[str], bool] = lambda _: True,
) -> Comparison:
    """Compare the library with the folder that the target wrote, entry by entry and byte by byte.

    Names are expected as the product documents them (`spfc.planning.names`); `wanted` says of a relative
    path whether the route wants it at all. Times of folders are not compared: FileCloud offers no way to set
    them (reference 7.3). Symbolic links are followed by neither side and count as nothing, nor does the folder
    in which a local target keeps unfinished uploads.
    """
    result = Comparison([])
    if not store.is_dir():
        result.differences.append(Difference(Fault.MISSING, ".", "the target has nothing at all"))
        return result
    _compare_folder(_Pair(library, store, tolerance_s, wanted, result), "", "")
    return result


@dataclass(frozen=True, slots=True)
class _Pair:
    library: Path
    store: Path
    tolerance_s: float
    wanted: Callable[[str], bool]
    result: Comparison


def _compare_folder(pair: _Pair, left: str, right: str) -> None:
    ours = {e.name: e for e in _entries(pair.library / left) if pair.wanted(os.path.join(left, e.name))}  # noqa: PTH118
    theirs = {e.name: e for e in _entries(pair.store / right) if (right, e.name) != ("", STAGING)}
    for name in sorted(ours):
        path = os.path.join(left, name)  # noqa: PTH118 - the root is "" here, which Path would turn into "."
        found = _counterpart(name, theirs)
        if found is None:
            pair.result.differences.append(Difference(Fault.MISSING, path, _kind(ours[name])))
            continue
        pair.result.renamed += found != name
        _compare_entry(pair, path, os.path.join(right, found), ours[name], theirs.pop(found))  # noqa: PTH118
    for name in sorted(theirs):
        path = os.path.join(right, name)  # noqa: PTH118
        pair.result.differences.append(Difference(Fault.EXTRA, path, _kind(theirs[name])))


def _compare_entry(pair: _Pair, left: str, right: str, ours: os.DirEntry[str], theirs: os.DirEntry[str]) -> None:
    is_folder = ours.is_dir(follow_symlinks=False)
    if is_folder != theirs.is_dir(follow_symlinks=False):
        pair.result.differences.append(Difference(Fault.KIND, left, f"{_kind(ours)} here, {_kind(theirs)} there"))
    elif is_folder:
        pair.result.folders += 1
        pair.result.empty_folders += not any(_entries(pair.library / left))
        _compare_folder(pair, left, right)
    else:
        pair.result.files += 1
        pair.result.size += ours.stat().st_size
        try:
            pair.result.differences += _compare_files(left, Path(ours.path), Path(theirs.path), pair.tolerance_s)
        except OSError as error:
            pair.result.differences.append(Difference(Fault.UNREADABLE, left, error.strerror or str(error)))


def _compare_files(path: str, ours: Path, theirs: Path, tolerance_s: float) -> Iterator[Difference]:
    one, other = ours.stat(), theirs.stat()
    if one.st_size != other.st_size:
        yield Difference(Fault.CONTENT, path, f"{one.st_size} bytes against {other.st_size}")
    elif (at := first_difference(ours, theirs)) is not None:
        yield Difference(Fault.CONTENT, path, f"first at byte {at}")
    apart = other.st_mtime - one.st_mtime
    if abs(apart) > tolerance_s:
        yield Difference(Fault.TIME, path, f"{apart:+.0f} s")


def first_difference(one: Path, other: Path) -> int | None:
    """Return the offset of the first byte in which two files differ, None when they are equal."""
    offset = 0
    with one.open("rb") as left, other.open("rb") as right:
        while True:
            a, b = left.read(_PIECE), right.read(_PIECE)
            if a != b:
                return offset + next(
                    (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
                )
            if not a:
                return None
            offset += len(a)


def _counterpart(name: str, theirs: dict[str, os.DirEntry[str]]) -> str | None:
    """Return under which name the target keeps `name`: mapped, or marked after a collision or a cut."""
    mapped = to_target(name)
    if mapped in theirs:
        return mapped
    stem, dot, extension = mapped.rpartition(".")
    if not stem:
        stem, extension = mapped, ""
    tail = re.escape(dot + extension) if stem != mapped else ""
    pattern = re.compile(rf"{re.escape(stem)} \({_MARK}\){tail}")
    cut = re.compile(rf"(?P<head>.*)~{_MARK}{tail}", re.DOTALL) if len(mapped.encode()) > MAX_NAME_BYTES else None
    for candidate in theirs:
        shortened = cut.fullmatch(candidate) if cut else None
        if pattern.fullmatch(candidate) or (shortened and stem.startswith(shortened["head"])):
            return candidate
    return None


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        for entry in found:
            if not entry.is_symlink():
                yield entry


def _kind(entry: os.DirEntry[str]) -> str:
    return "folder" if entry.is_dir(follow_symlinks=False) else f"file of {entry.stat().st_size} bytes"
