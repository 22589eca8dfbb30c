"""A task that gets SIGTERM in the middle of a batch ends by itself, with everything written that it has done."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from tests.crash.case import World, judge_ledger, warmed_up, world
from tests.crash.process import PROJECT
from tests.crash.scenes import SCENES, Scene
from tests.crash.shelf import CHUNK, Shelf
from tests.crash.test_big_file import offsets

from spfc.ledger.database import Database
from spfc.ledger.runs import update_run

pytestmark = pytest.mark.e2e

BODY = random.Random(65).randbytes(64 * CHUNK)
GRACE = 60
"""Seconds until a process that should stop by itself is given up; Airflow gives 5, on a machine that is not busy."""

LEAF = """
import json, os, signal, sys
from tests.crash import worker
from spfc.filecloud.wire import Wire

once, seen = Wire._once, []

def counted(self, request, jar, headers):
    reply = once(self, request, jar, headers)
    if request.operation == "upload" and "big" in request.subject:
        seen.append(1)
        if len(seen) == 20:
            os.kill(os.getpid(), signal.SIGTERM)
    return reply

Wire._once = counted
signal.signal(signal.SIGTERM, lambda *_: None)  # as Airflow's: it does not end a plain function
worker.perform(json.loads(sys.argv[1]))
"""


def library(shelf: Shelf) -> None:
    shelf.write("big.bin", BODY)
    for number in range(3):
        shelf.write(f"small {number}.txt", f"small {number}")


def end_of(at: World) -> tuple[int, str]:
    path = ":".join(str(PROJECT / part) for part in ("plugins", "include", "."))

    done = subprocess.run(
        [sys.executable, "-c", LEAF, json.dumps(at.job("run"))],
        env=os.environ | {"PYTHONPATH": path}, cwd=PROJECT, capture_output=True, text=True, timeout=GRACE, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr


def take_back(at: World) -> None:
    """Do what the next try of a task does first under Airflow: its earlier complaint is the run's error no more."""
    database = Database(at.ledger)
    with database.writing() as connection:
        update_run(connection, "house", "run", error="")
    database.close()


def test_a_task_ends_after_the_chunk_and_the_next_try_goes_on_there(tmp_path: Path) -> None:
    warm = warmed_up(tmp_path / "warm", SCENES["first"])
    scene = Scene("term", library, first_run=False, filecloud={"staging_of": "account"})
    try:
        with world(tmp_path / "w", scene, *warm) as at:
            code, said = end_of(at)
            assert code == 1, said
            assert "spfc.errors.Interrupted: The task was told to stop, with 4 files left." in said
            mark = at.filecloud.journal.mark()
            arrived = len(offsets(at))
            assert 20 <= arrived < 30, "a chunk or two may leave before the signal is noticed"
            take_back(at)
            at.run("run")
            big = [offset for offset in offsets(at, mark) if offset]
            assert big == list(range(arrived, 64)), "not one chunk is sent again"
            at.judge_end("run")
            judge_ledger(at)
    finally:
        warm[0].close()
