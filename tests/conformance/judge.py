"""Compares what a client says, read or wrote with the folder on disk, byte by byte."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spfc.quickxor import QuickXor

SHOWN = 4
"""How many paths of a difference are named."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried: how it went, and what was seen."""

    check: str
    good: bool
    note: str


def findings(report: Path, library: Path) -> list[Finding]:
    """Return what the lines of a client's report come to; a report without lines is itself a finding."""
    lines = report.read_text(encoding="utf-8").splitlines() if report.exists() else []
    return [_finding(json.loads(line), library) for line in lines]


def _finding(line: Mapping[str, Any], library: Path) -> Finding:
    check = str(line["check"])
    if "entries" in line:
        problem = differences(line["entries"], sizes(library))
        return Finding(check, not problem, problem or f"{len(line['entries'])} entries, names and sizes as on disk")
    if "hashes" in line:
        problem = differences(line["hashes"], {path: quick_xor(library / path) for path in files(library)})
        return Finding(check, not problem, problem or f"{len(line['hashes'])} quickXorHashes as computed from disk")
    if "folder" in line:
        return compared(check, Path(line["folder"]), Path(line.get("with") or library), line.get("only", ""))
    return Finding(check, bool(line["good"]), str(line.get("note", "")))


def compared(check: str, folder: Path, reference: Path, only: str = "") -> Finding:
    """Compare all files of two folders by their bytes; ``only`` leaves it at the files below one folder."""
    wanted = {path: _digest(reference / path) for path in files(reference) if path.startswith(only)}
    found = {path: _digest(folder / path) for path in files(folder) if path.startswith(only)}
    size = sum((folder / path).stat().st_size for path in found)
    problem = differences(found, wanted)
    return Finding(check, not problem, problem or f"{len(found)} files, {size:,} bytes, equal byte by byte")


def differences(found: Mapping[str, object], wanted: Mapping[str, object]) -> str:
    """Return one sentence on how two tables differ, or nothing."""
    parts = {
        "missing": sorted(set(wanted) - set(found)),
        "not there": sorted(set(found) - set(wanted)),
        "different": sorted(path for path in set(found) & set(wanted) if found[path] != wanted[path]),
    }
    return "; ".join(f"{len(paths)} {what}: {_some(paths)}" for what, paths in parts.items() if paths)


def _some(paths: list[str]) -> str:
    return ", ".join(repr(path) for path in paths[:SHOWN]) + (", ..." if len(paths) > SHOWN else "")


def sizes(folder: Path) -> dict[str, int | None]:
    """Return the size of every file by its path, and None for every folder."""
    return {_path(p, folder): None if p.is_dir() else p.stat().st_size for p in folder.rglob("*")}


def files(folder: Path) -> Iterable[str]:
    """Return the paths of all files."""
    return [_path(p, folder) for p in folder.rglob("*") if p.is_file()]


def quick_xor(path: Path) -> str:
    """Return the hash that the service gives for a file."""
    digest = QuickXor()
    digest.update(path.read_bytes())
    return digest.base64()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _path(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
