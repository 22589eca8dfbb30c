"""What whole runs are held to: every file explained, every place told, no secret anywhere."""

from __future__ import annotations

import logging
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from spfc.errors import SpfcError
from spfc.ledger.plans import StoredLine
from spfc.planning.model import Action, Outcome
from spfc.steps.closing import Closed

SECRET, PASSWORD = "planted-app-secret-7Qw", "planted-password-9Zx"
FORBIDDEN = (SECRET, PASSWORD, "tempauth=v1", "eyJ0eXAiOiJKV1Qi")
"""What may show in no log, report or ledger: the app's secret, the password, a pre-signed link, an access token."""


class Records(logging.Handler):
    """Keeps every log line that shows a secret."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.leaks: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        self.leaks.extend(f"log: {text}" for word in FORBIDDEN if word in text)


@dataclass
class Run:
    """One run as it ended: the report, the error that broke it off, its plan lines."""

    closed: Closed
    error: SpfcError | None
    lines: list[StoredLine]
    faults: tuple[str, ...]
    edited: bool
    """The library was edited while the run was at work, so it need not be equal after it."""


def nfc(text: str) -> str:
    """Return text in the Unicode form in which some servers keep names."""
    return unicodedata.normalize("NFC", text)


def same(path: Path, twin: Path) -> bool:
    if path.is_dir() or twin.is_dir():
        return path.is_dir() and twin.is_dir()
    return path.read_bytes() == twin.read_bytes()


def is_variant(name: str, known: str) -> bool:
    """Say whether a name is the one for a later twin, or the one for waiting aside."""
    stem = known.rpartition(".")[0] or known
    return name.startswith((f"{stem} (", f"{known} (", f"{known}.spfc-"))


def is_explained(run: Run, path: str, chain: list[str]) -> bool:
    """Say whether a line moved or removed what lay at a path, or a folder above it.

    A change whose answer was lost may have been carried out and yet count as failed: under faults that explains too.
    """
    tried = {Outcome.DONE, Outcome.FAILED, Outcome.DEFERRED} if run.faults else {Outcome.DONE}
    for stored in run.lines:
        line = stored.line
        if line.action not in (Action.MOVE, Action.REMOVE) or stored.outcome not in tried:
            continue
        place = line.from_path if line.action is Action.MOVE else line.target_path
        if line.item_id in chain or (place and (path + "/").startswith(nfc(place) + "/")):
            return True
    return False


def open_lines(run: Run) -> list[StoredLine]:
    """Return the lines that ended in something else than success."""
    return [line for line in run.lines if line.outcome not in (Outcome.DONE, Outcome.SKIPPED)]


def told_line(stored: StoredLine) -> str:
    """Return a line and its end in a few words."""
    line = stored.line
    return f"{line.action} {line.reason} {line.target_path}: {stored.outcome} {stored.code} {stored.detail}"
