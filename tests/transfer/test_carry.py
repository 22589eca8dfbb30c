"""Carrying a file to another root: nothing is removed before its copy is proven, and repeating makes no second copy."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.targets.contract import NOON, noise, put

from spfc.errors import Interrupted, ItemGone, ReplyLost, ServiceBusy, SpfcError, TargetChanged, TargetLocked
from spfc.targets.base import PutSpec
from spfc.targets.memory import MemoryTarget
from spfc.transfer.carry import carry_file

VAULT = "/vault"


class Store:
    """A file at the target and an empty folder beside it, to which it is carried."""

    def __init__(self, body: bytes = b"body") -> None:
        self.target = MemoryTarget(4)
        self.vault = self.target.beside(VAULT)
        put(self.target, "/x.txt", body)
        self.target.counts.clear()

    def carry(self, hurried: Callable[[], bool] = bool) -> str:
        entry = self.target.stat("/x.txt")
        assert entry is not None
        return carry_file(self.target, entry, self.vault, "/x.txt", age=1, hurried=hurried)

    def kept(self) -> dict[str, bytes | None]:
        return self.vault.tree()


@pytest.mark.parametrize("size", [0, 3, 4, 5, 8])
def test_a_file_goes_with_its_time(size: int) -> None:
    body = noise(size)
    store = Store(body)
    assert store.carry() == "/x.txt"
    assert (store.target.tree(), store.kept()) == ({}, {"/x.txt": body})
    entry = store.vault.stat("/x.txt")
    assert entry is not None and entry.modified == NOON


def test_a_taken_name_gets_a_number() -> None:
    store = Store()
    put(store.vault, "/x.txt", b"othr")
    assert store.carry() == "/x (2).txt"
    assert store.kept() == {"/x.txt": b"othr", "/x (2).txt": b"body"}


def test_equal_bytes_of_another_time_are_another_file() -> None:
    store = Store()
    put(store.vault, "/x.txt", b"body", modified=NOON - 86400)
    assert store.carry() == "/x (2).txt"


class Shaky:
    """Passes calls on to a target and raises at one of them, before or after it was carried out."""

    def __init__(self, target: MemoryTarget, calls: Iterator[int], at: tuple[int, str], error: SpfcError) -> None:
        self._target, self._calls, self._at, self._error = target, calls, at, error
        self.chunk_size = target.chunk_size

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._target, name)

        def call(*args: Any, **more: Any) -> Any:
            number = next(self._calls)
            if self._at == (number, "before"):
                raise self._error
            result = real(*args, **more)
            if self._at == (number, "after"):
                raise self._error
            return result

        return call


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("error", [ReplyLost("declared"), TargetLocked("declared")], ids=lambda error: error.code)
def test_a_failure_at_any_call_loses_nothing_and_another_try_makes_no_second_copy(
    error: SpfcError, moment: str
) -> None:
    numbers = itertools.count()
    while True:
        store, calls, number = Store(), itertools.count(), next(numbers)
        entry = store.target.stat("/x.txt")
        assert entry is not None
        origin, vault = (Shaky(place, calls, (number, moment), error) for place in (store.target, store.vault))
        failed = False
        try:
            carry_file(origin, entry, vault, "/x.txt", age=1, hurried=bool)
        except SpfcError as raised:
            assert raised is error
            failed = True
            assert b"body" in [store.target.tree().get("/x.txt"), store.kept().get("/x.txt")], f"call {number}"
        if store.target.stat("/x.txt") is not None:
            store.carry()
        assert (store.target.tree(), store.kept()) == ({}, {"/x.txt": b"body"}), f"call {number}"
        if next(calls) <= number:
            assert number > 5 and not failed, "every call has failed once"
            return


def test_a_copy_that_holds_other_bytes_is_thrown_away() -> None:
    store = Store(b"longer than one chunk")
    spoiling = store.vault.put_chunk

    def spoil(spec: PutSpec, offset: int, chunk: bytes, *, last: bool) -> Any:
        return spoiling(spec, offset, chunk[::-1], last=last)

    store.vault.put_chunk = spoil  # type: ignore[method-assign]
    with pytest.raises(ServiceBusy, match="other bytes"):
        store.carry()
    assert (store.target.tree(), store.kept()) == ({"/x.txt": b"longer than one chunk"}, {})


def test_an_edit_in_the_meantime_is_not_lost() -> None:
    store = Store()
    entry = store.target.stat("/x.txt")
    assert entry is not None
    put(store.target, "/x.txt", b"edit")
    with pytest.raises(TargetChanged):
        carry_file(store.target, entry, store.vault, "/x.txt", age=1, hurried=bool)
    assert (store.target.tree(), store.kept()) == ({"/x.txt": b"edit"}, {})


def test_what_vanishes_meanwhile_is_gone() -> None:
    store = Store()
    entry = store.target.stat("/x.txt")
    assert entry is not None
    store.target.remove("/x.txt", entry.kind)
    with pytest.raises(ItemGone):
        carry_file(store.target, entry, store.vault, "/x.txt", age=1, hurried=bool)


def test_it_breaks_off_when_told_to() -> None:
    store = Store(b"longer than one chunk")
    with pytest.raises(Interrupted):
        store.carry(hurried=lambda: True)
    assert (store.target.tree(), store.kept()) == ({"/x.txt": b"longer than one chunk"}, {})
