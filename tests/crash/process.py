"""The warm process that runs are forked from, as its owner sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]
KILLED = -9


class Worker:
    """The warm process that runs are forked from."""

    def __init__(self) -> None:
        path = {"PYTHONPATH": ":".join(str(PROJECT / part) for part in ("plugins", "include", "."))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT, env=path,
        )  # fmt: skip
        assert self._answer() == "ready"

    def run(self, job: dict[str, Any]) -> int:
        """Run a job to its end or to its fatal point; return the exit status, negative for a signal."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return int(self._answer())

    def close(self) -> None:
        """End the process."""
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._process.wait()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()
