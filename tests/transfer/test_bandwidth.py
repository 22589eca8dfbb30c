"""A cap on bytes: kept by several tasks together, fair to small files, harmless to what is read."""

from __future__ import annotations

import pytest
from tests.pacing.crowd import Hands, Shelf, ShelfBank
from tests.planning.trees import ROOT, file

from spfc.errors import ServiceBusy
from spfc.ledger.budgets import TERMS
from spfc.pacing import Purse, Quota
from spfc.planning.model import SourceItem
from spfc.sources.base import ContentStream
from spfc.sources.memory import MemorySource
from spfc.transfer.bandwidth import KIB, MIB, Bandwidth, PacedSource


def capped(clock: Hands, shelf: Shelf, cap: float, holder: str = "a") -> Bandwidth:
    def sleep(seconds: float) -> None:
        clock.time += seconds

    bank = ShelfBank(shelf, clock, Quota(cap * MIB / KIB), holder, TERMS)
    return Bandwidth(Purse(bank, clock.now), cap, sleep)


def library(body: bytes) -> tuple[MemorySource, SourceItem]:
    source = MemorySource()
    item = source.put(file("1", "root", "a.bin", "x", size=len(body)), body)
    source.publish([ROOT, item])
    source.bind(None)
    return source, item


def test_what_is_read_is_the_same_and_takes_its_time() -> None:
    body = bytes(range(256)) * 4 * KIB * 10
    source, item = library(body)
    clock = Hands()
    began = clock.now()
    stream = PacedSource(source, capped(clock, Shelf(), 1.0)).open(item)
    read = [stream.read(4 * MIB) for _ in range(4)]
    stream.close()
    assert b"".join(read) == body
    assert [len(part) for part in read] == [4 * MIB, 4 * MIB, 2 * MIB, 0]
    assert clock.now() - began == pytest.approx(10, abs=2), "10 MiB at 1 MiB a second"


def test_tasks_keep_the_cap_together() -> None:
    clock, shelf = Hands(), Shelf()
    one, other = capped(clock, shelf, 2.0, "one"), capped(clock, shelf, 2.0, "other")
    began = clock.now()
    for _ in range(20 * MIB // one.slice):
        one.spend(one.slice)
        other.spend(other.slice)
    assert 40 / (clock.now() - began) == pytest.approx(2.0, rel=0.15)


def test_a_small_file_pays_for_what_it_holds() -> None:
    source, item = library(b"small")
    clock = Hands()
    paced = PacedSource(source, capped(clock, Shelf(), 0.1))
    began = clock.now()
    for _ in range(100):
        stream = paced.open(item)
        assert stream.read(20 * MIB) == b"small"
        stream.close()
    assert clock.now() - began < 1.5, "a hundred files of a KiB each, at a hundred KiB a second"


def test_a_stream_that_breaks_says_so_and_is_not_repeated_in_secret() -> None:
    class Breaking:
        length, offset, version = 10 * MIB, 0, "v"

        def __init__(self) -> None:
            self.reads = 0

        def read(self, size: int) -> bytes:
            self.reads += 1
            if self.reads == 3:
                raise ServiceBusy("It broke.")
            return bytes(size)

        def close(self) -> None:
            return

    class Source(MemorySource):
        def open(self, item: SourceItem, *, offset: int = 0) -> ContentStream:
            return Breaking()

    stream = PacedSource(Source(), capped(Hands(), Shelf(), 1.0)).open(file("1", "root", "a", "x"))
    with pytest.raises(ServiceBusy):
        stream.read(4 * MIB)


def test_everything_else_is_asked_of_the_source() -> None:
    source, item = library(b"body")
    paced = PacedSource(source, capped(Hands(), Shelf(), 1.0))
    assert paced.bind(None) == source.bind(None)
    assert set(paced.changes(None).items) == set(source.changes(None).items)
    assert paced.refresh(item.id) == source.refresh(item.id)
    assert paced.usage == source.usage
