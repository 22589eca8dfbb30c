"""The files of a report: where they lie, how they replace their predecessors, and what CSV and JSON look
like.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from spfc.errors import RouteInvalid
from spfc.reporting.model import LineOutcome
from spfc.routes import ROUTE_NAME
from spfc.wording import timestamp

CSV_NAME, JSON_NAME, HTML_NAME = "report.csv", "report.json", "report.html"

CSV_COLUMNS = (
    "seq", "action", "reason", "outcome", "code", "kind", "path", "target_path", "from_path", "size",
    "attempts", "ended_at", "item_id", "detail", "hint", "evidence",
)  # fmt: skip

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_DEFUSED = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠")
"""What a spreadsheet may take for the start of a formula, and the apostrophe itself, so that it can be
undone.
"""

_EVIDENCE = json.JSONEncoder(ensure_ascii=False, sort_keys=True)


def safe_run_id(run_id: str) -> str:
    """Return a folder name for a run id: plain characters, at most 100, different for different run ids.

    A run id of plain characters is its own folder name. In any other, each odd character becomes ``_`` and
    the first eight digits of the SHA-256 of the run id are appended.
    """
    plain = _UNSAFE.sub("_", run_id).lstrip(".")
    if plain == run_id and 0 < len(plain) <= 100:
        return plain
    digest = hashlib.sha256(run_id.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{plain[:91] or 'run'}-{digest}"


def report_folder(reports: Path, route: str, run_id: str) -> Path:
    """Return ``<reports>/<route>/<safe run id>``; raises :class:`RouteInvalid` for odd route names."""
    if not ROUTE_NAME.fullmatch(route):
        raise RouteInvalid(f"Route name {route!r} cannot be used as a folder name for reports.")
    return reports / route / safe_run_id(run_id)


@contextmanager
def replacing(path: Path, *, encoding: str = "utf-8", newline: str = "\n") -> Iterator[IO[str]]:
    """Open a temporary file beside ``path`` that takes its place, whole and on disk, when the block ends.

    Characters that UTF-8 cannot hold (lone surrogates in names) are written as ``\\udxxx``. When the block
    raises, the temporary file is removed and ``path`` is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with open(handle, "w", encoding=encoding, errors="backslashreplace", newline=newline) as stream:  # noqa: PTH123
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp makes private files; the web server may run as another user of the group, as Airflow's logs
        # do.
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def defuse(text: str) -> str:
    """Return ``text`` with an apostrophe before it where a spreadsheet might see a formula."""
    return f"'{text}" if text.startswith(_DEFUSED) else text


def undefuse(text: str) -> str:
    """Undo :func:`defuse`, for programs that read the CSV."""
    return text[1:] if text.startswith("'") else text


class CsvLines:
    """Writes lines as CSV, one at a time: RFC 4180, UTF-8 with byte order mark, plain numbers."""

    def __init__(self, stream: IO[str]) -> None:
        self._writer = csv.writer(stream, lineterminator="\r\n")
        self._writer.writerow(CSV_COLUMNS)

    def write(self, line: LineOutcome) -> None:
        """Append one line in the order of :data:`CSV_COLUMNS`."""
        evidence = _EVIDENCE.encode(dict(line.evidence)) if line.evidence else ""
        self._writer.writerow((
            line.seq, line.action, line.reason, line.outcome, defuse(line.code), line.kind, defuse(line.path),
            defuse(line.target_path), defuse(line.from_path or ""), line.size, line.attempts,
            timestamp(line.ended_at), defuse(line.item_id), defuse(line.detail), defuse(line.hint),
            defuse(evidence),
        ))  # fmt: skip


@contextmanager
def csv_lines(path: Path) -> Iterator[CsvLines]:
    """Open the CSV of a report for writing; it appears, complete, when the block ends well."""
    # With a byte order mark, spreadsheets read the names right; Python reads it as "utf-8-sig".
    with replacing(path, encoding="utf-8-sig", newline="") as stream:
        yield CsvLines(stream)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON in the order of the given keys, two spaces of indent, UTF-8 without byte order mark."""
    with replacing(path) as stream:
        json.dump(content, stream, ensure_ascii=False, indent=2)
        stream.write("\n")
