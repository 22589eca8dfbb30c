"""Keeps Airflow's own chatter off the terminal: its warnings do not belong into a table or into JSON."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def quiet(log_file: Path) -> Iterator[tuple[IO[str], IO[str]]]:
    """Send everything that anybody prints to ``log_file``; yield the real terminal and error streams."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept_out, kept_err = os.dup(1), os.dup(2)
    with (
        os.fdopen(kept_out, "w", encoding="utf-8") as terminal,
        os.fdopen(kept_err, "w", encoding="utf-8") as errors,
        log_file.open("a", encoding="utf-8") as log,
    ):
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            yield terminal, errors
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            terminal.flush()
            errors.flush()
            os.dup2(terminal.fileno(), 1)
            os.dup2(errors.fileno(), 2)
