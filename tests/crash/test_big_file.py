"""A process is killed in the middle of a big file: the next one goes on there, and what came of it is read back."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.crash.case import WayBack, judge_ledger, warmed_up, world
from tests.crash.cloud import CloudWorld
from tests.crash.process import Worker
from tests.crash.scenes import SCENES, Scene
from tests.crash.shelf import CHUNK

from spfc.ledger.database import Database
from spfc.ledger.leases import LEASE_SECONDS
from spfc.ledger.observations import load_synced
from spfc.ledger.schema import synced_items, uploads

pytestmark = pytest.mark.e2e

CHUNKS = 64
BODY = random.Random(64).randbytes(CHUNKS * CHUNK - 100)


def scene(**filecloud: Any) -> Scene:
    return Scene("big", lambda shelf: shelf.write("big.bin", BODY), first_run=False, filecloud=filecloud)


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Worker, bytes]]:
    worker, clean = warmed_up(tmp_path_factory.mktemp("warm"), SCENES["first"])
    yield worker, clean
    worker.close()


def offsets(at: CloudWorld, mark: int = 0) -> list[int]:
    entries = at.filecloud.journal.since(mark)
    return [int(entry.params["offset"]) // CHUNK for entry in entries if entry.operation == "upload"]


def read(at: CloudWorld, mark: int = 0) -> int:
    """Return the bytes of content that the source has served."""
    return sum(entry.bytes_out for entry in at.sharepoint.journal.since(mark) if entry.operation == "download")


def come_back(at: CloudWorld, way: WayBack) -> None:
    if way is WayBack.ANEW:
        at.offset += LEASE_SECONDS + 60
        at.run("next")
    else:
        at.run("run")


def judge(at: CloudWorld, way: WayBack) -> str:
    """All is well in the end; return how the copy was verified."""
    at.judge_end("next" if way is WayBack.ANEW else "run")
    judge_ledger(at)
    at.judge_quiet()
    database = Database(at.ledger)
    with database.reading() as connection:
        assert connection.execute(uploads.select()).all() == [], "progress is struck off with the outcome"
        ids = connection.execute(synced_items.select().with_only_columns(synced_items.c.id)).scalars()
        copies = load_synced(connection, "house", list(ids))
    database.close()
    return next(item.verification for item in copies.values() if item.target_name == "big.bin")


def killed(at: CloudWorld, point: str) -> int:
    """Kill a run at a point; return how many chunks had arrived."""
    assert at.run_until("run", point), at.points("run")[-5:]
    return len(offsets(at))


@pytest.mark.parametrize("way", [WayBack.RETRY, WayBack.ANEW])
@pytest.mark.parametrize(
    "point",
    [
        f"upload /big.bin @{40 * CHUNK} #1 before",
        f"upload /big.bin @{40 * CHUNK} #1 after",
        "commit bookmarks.LedgerBookmarks.keep #17 before",
        "commit bookmarks.LedgerBookmarks.keep #17 after",
    ],
)
def test_at_most_one_chunk_of_each_leg_is_lost(tmp_path: Path, warm: Any, point: str, way: WayBack) -> None:
    with world(tmp_path / "w", scene(staging_of="account"), *warm) as at:
        arrived = killed(at, point)
        mark, seen = at.filecloud.journal.mark(), at.sharepoint.journal.mark()
        come_back(at, way)
        sent = offsets(at, mark)
        assert sent == list(range(sent[0], CHUNKS))
        assert arrived - 1 <= sent[0] <= arrived, "at most the chunk that nobody had noted"
        assert read(at, seen) == len(BODY) - sent[0] * CHUNK, "nothing before that is read again"
        assert judge(at, way) == "read_back"


@pytest.mark.parametrize("way", [WayBack.RETRY, WayBack.ANEW])
@pytest.mark.parametrize("gap", ["refuse", "zeros"])
def test_a_server_that_lost_its_half_gets_the_whole_file(tmp_path: Path, warm: Any, gap: str, way: WayBack) -> None:
    """Partial uploads belong to the session that sent them; a careless server even fills the gap with zeros."""
    with world(tmp_path / "w", scene(staging_of="session", chunk_gap=gap), *warm) as at:
        arrived = killed(at, f"upload /big.bin @{40 * CHUNK} #1 after")
        mark = at.filecloud.journal.mark()
        come_back(at, way)
        assert offsets(at, mark)[-CHUNKS:] == list(range(CHUNKS)), "sent again as a whole"
        assert offsets(at, mark)[0] == arrived - 1
        judge(at, way)


def test_killed_again_before_the_resumed_file_was_read_back(tmp_path: Path, warm: Any) -> None:
    with world(tmp_path / "w", scene(staging_of="session", chunk_gap="zeros"), *warm) as at:
        killed(at, f"upload /big.bin @{40 * CHUNK} #1 after")
        assert at.run_until("run", f"upload /big.bin @{(CHUNKS - 1) * CHUNK} last #1 after")
        store = at.tmp / "store" / "mirror" / "big.bin"
        assert store.stat().st_size == len(BODY)
        assert store.read_bytes() != BODY, "zeros where the first process had sent its bytes"
        come_back(at, WayBack.RETRY)
        judge(at, WayBack.RETRY)
