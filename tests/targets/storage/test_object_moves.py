"""Moves in a store that can only copy and delete: broken off at every request, repeated, and never a file the less."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.targets.contract import TargetContract, noise, put
from tests.targets.storage.memory_store import MemoryStore

from spfc.errors import ItemGone, NameRefused, ServiceBusy, SpfcError, TargetChanged, TargetExists
from spfc.planning.model import Kind
from spfc.targets.base import Target
from spfc.targets.storage.object_store import ObjectStoreTarget
from spfc.targets.storage.store import ANYWAY, MOVING, Label

TREE = {"/a/x.txt": b"1", "/a/y.txt": b"22", "/a/deep/z.txt": b"333", "/a.txt": b"beside", "/a-b/c.txt": b"beside, too"}


class TestAsOnS3(TargetContract):
    listed_times = False
    ignores_case = False
    inside = True
    outside = "/bucket/retired"

    @pytest.fixture
    def target(self) -> Iterator[ObjectStoreTarget]:
        self._store = MemoryStore(inside=self.inside)
        yield opened(self._store)

    def read(self, target: Target, path: str) -> bytes | None:
        return self.read_outside(target, f"/bucket/mirror{path}")

    def read_outside(self, target: Target, path: str) -> bytes | None:
        found = self._store.objects.get(path[1:])
        return found[1] if found and not found[0].marks else None


class TestAsOnAzure(TestAsOnS3):
    inside = False


def opened(store: MemoryStore) -> ObjectStoreTarget:
    return ObjectStoreTarget(store, "/bucket/mirror", chunk_size=1024)


def filled(inside: bool) -> MemoryStore:
    store = MemoryStore(inside=inside)
    target = opened(store)
    for folder in ("/a", "/a/deep", "/a/empty", "/a-b", "/q"):
        target.make_folder(folder)
    for path, content in TREE.items():
        put(target, path, content)
    store.requests.clear()
    store.clock += 10
    return store


def files(store: MemoryStore) -> dict[str, bytes]:
    """Return all files of the bucket, wherever they are."""
    return {key.removeprefix("bucket"): data for key, (blob, data) in store.objects.items() if not blob.marks}


def moved(prefix: str) -> dict[str, bytes]:
    """Return what the bucket must hold when ``/a`` has gone to ``prefix``."""
    return {
        prefix + path.removeprefix("/a") if path.startswith("/a/") else f"/mirror{path}": data
        for path, data in TREE.items()
    }


def count(work: Callable[[ObjectStoreTarget], object], inside: bool) -> int:
    store = filled(inside)
    work(opened(store))
    return len(store.requests)


WORKS: dict[str, tuple[Callable[[ObjectStoreTarget], object], dict[str, bytes]]] = {
    "move": (lambda target: target.move("/a", "/q/b"), moved("/mirror/q/b")),
    "retire": (lambda target: target.retire("/a", Kind.FOLDER, "/bucket/kept/a"), moved("/kept/a")),
    "rename a file": (
        lambda target: target.move("/a.txt", "/q/b.txt"),
        {("/mirror/q/b.txt" if path == "/a.txt" else f"/mirror{path}"): data for path, data in TREE.items()},
    ),
    "retire a file": (
        lambda target: target.retire("/a.txt", Kind.FILE, "/bucket/kept/a.txt"),
        {("/kept/a.txt" if path == "/a.txt" else f"/mirror{path}"): data for path, data in TREE.items()},
    ),
    "remove": (
        lambda target: target.remove("/a", Kind.FOLDER),
        {f"/mirror{path}": data for path, data in TREE.items() if not path.startswith("/a/")},
    ),
}


@pytest.mark.parametrize("inside", [True, False], ids=["as on S3", "as on Azure"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", WORKS)
def test_what_breaks_off_at_any_request_may_be_repeated(name: str, after: bool, inside: bool) -> None:
    work, wanted = WORKS[name]
    contents = sorted(TREE.values())
    for number in range(1, count(work, inside) + 1):
        store = filled(inside)
        store.fail_at, store.after = number, after
        with pytest.raises(ServiceBusy, match="declared"):
            work(opened(store))
        if name != "remove":
            assert set(files(store).values()) >= set(contents), f"a file was lost at request {number}"
        _no_half_move_is_shown(opened(store))
        store.fail_at = 0
        _repeat(work, store)
        assert files(store) == wanted, f"after request {number}: {store.requests}"
        assert not any(key.endswith(MOVING) for key in store.objects)
    store = filled(inside)
    work(opened(store))
    assert files(store) == wanted
    assert "bucket/mirror/q" in {key.rstrip("/") for key in store.objects}, "an empty folder stays"


def _repeat(work: Callable[[ObjectStoreTarget], object], store: MemoryStore) -> None:
    """Do what the engine does: again, and an item that is gone has gone where it should."""
    try:
        work(opened(store))
    except ItemGone:
        assert opened(store).stat("/a") is None or opened(store).stat("/a.txt") is None
        for key in [key for key in store.objects if key.endswith(MOVING)]:
            del store.objects[key]  # the claim of a folder that nobody asks for again


def _no_half_move_is_shown(target: ObjectStoreTarget) -> None:
    for folder in ("/", "/q", "/q/b"):
        for entry in target.list_folder(folder) or ():
            assert entry.name != MOVING
    assert target.stat(f"/q/b/{MOVING}") is None


def test_a_folder_of_thousands_is_moved_in_few_requests() -> None:
    store = MemoryStore()
    target = opened(store)
    target.make_folder("/a")
    for number in range(2500):
        store.put(f"bucket/mirror/a/{number:04}", b"x", Label(1, "s"), ANYWAY)
    store.requests.clear()
    target.move("/a", "/b")
    assert store.requests.count("copy") == 2500
    assert len(store.requests) - 2500 <= 16
    assert store.requests.count("delete") <= 4
    assert len([key for key in store.objects if key.startswith("bucket/mirror/b/0")]) == 1000


def test_a_claim_of_another_folder_is_respected() -> None:
    store = filled(inside=True)
    store.fail_at = 12
    with pytest.raises(ServiceBusy):
        opened(store).move("/a", "/q/b")
    assert f"bucket/mirror/q/b/{MOVING}" in store.objects
    store.fail_at = 0
    with pytest.raises(TargetExists):
        opened(store).move("/a-b", "/q/b")
    opened(store).move("/a", "/q/b")
    assert files(store) == moved("/mirror/q/b")


def test_a_claim_that_was_left_behind_lets_nothing_be_replaced() -> None:
    store = filled(inside=True)
    opened(store).move("/a", "/q/b")
    store.put(f"bucket/mirror/q/b/{MOVING}", b'{"moving_from": "/bucket/mirror/a"}', Label(None, "s"), ANYWAY)
    store.clock += 100
    again = opened(store)
    again.make_folder("/a")
    put(again, "/a/x.txt", b"9")  # another file of the same name and size
    with pytest.raises(TargetExists) as caught:
        again.move("/a", "/q/b")
    assert "/q/b/x.txt" in str(caught.value)
    assert files(store)["/mirror/q/b/x.txt"] == b"1"
    assert files(store)["/mirror/a/x.txt"] == b"9"


def test_a_stale_claim_is_cleared_by_a_move_that_is_done() -> None:
    store = filled(inside=True)
    opened(store).move("/a", "/q/b")
    store.put(f"bucket/mirror/q/b/{MOVING}", b'{"moving_from": "/bucket/mirror/a"}', Label(None, "s"), ANYWAY)
    opened(store).move("/a", "/q/b")
    assert f"bucket/mirror/q/b/{MOVING}" not in store.objects


def interrupted(store: MemoryStore, name: str, number: int, change: Callable[[], object]) -> None:
    """Let somebody change the store right after the ``number``-th request of a kind."""
    real = store._do

    def watched(kind: str, send: Callable[[], object]) -> object:
        result = real(kind, send)
        if kind == name and store.requests.count(name) == number:
            change()
        return result

    store._do = watched  # type: ignore[method-assign]


def test_what_is_written_while_a_folder_moves_comes_along() -> None:
    store = filled(inside=True)

    def write() -> None:
        store.clock += 5
        store._write("bucket/mirror/a/new.txt", b"new", 1, "s", ANYWAY, marks=False)
        store._write("bucket/mirror/a/x.txt", b"edited", 1, "s", ANYWAY, marks=False)

    interrupted(store, "copy", 3, write)
    opened(store).move("/a", "/q/b")
    wanted = moved("/mirror/q/b") | {"/mirror/q/b/new.txt": b"new", "/mirror/q/b/x.txt": b"edited"}
    assert files(store) == wanted


def test_a_folder_that_never_rests_is_not_removed() -> None:
    store = filled(inside=True)
    real = store.below

    def below(prefix: str) -> Iterator[object]:
        store._write("bucket/mirror/a/x.txt", noise(5, store.meter.calls), 1, "s", ANYWAY, marks=False)
        return real(prefix)

    store.below = below  # type: ignore[method-assign, assignment]
    with pytest.raises(TargetChanged):
        opened(store).move("/a", "/q/b")
    assert "/mirror/a/x.txt" in files(store)


def test_a_file_that_is_changed_while_it_moves_stays() -> None:
    store = filled(inside=True)
    interrupted(store, "head", 1, lambda: store._write("bucket/mirror/a.txt", b"edited", 1, "s", ANYWAY, marks=False))
    with pytest.raises(SpfcError):
        opened(store).move("/a.txt", "/q/b.txt")
    assert files(store)["/mirror/a.txt"] == b"edited"


def test_a_file_that_somebody_puts_there_while_it_moves_is_not_taken_for_the_copy() -> None:
    store = filled(inside=True)
    interrupted(store, "head", 1, lambda: store._write("bucket/mirror/q/b.txt", b"beside", 1, "s", ANYWAY, marks=False))
    with pytest.raises(TargetExists):
        opened(store).move("/a.txt", "/q/b.txt")
    assert "/mirror/a.txt" in files(store)


def test_our_own_names_are_refused() -> None:
    target = opened(filled(inside=True))
    for change in (
        lambda: put(target, f"/a/{MOVING}", b"1"),
        lambda: target.make_folder(f"/{MOVING}"),
        lambda: target.move("/a.txt", f"/a/{MOVING}"),
    ):
        with pytest.raises(NameRefused):
            change()


def test_a_folder_without_an_object_of_its_own_outlives_its_last_file() -> None:
    store = MemoryStore()
    store._write("bucket/mirror/theirs/deep/x.txt", b"1", 1, "s", ANYWAY, marks=False)
    target = opened(store)
    assert [entry.kind for entry in target.list_folder("/theirs") or ()] == [Kind.FOLDER]
    target.remove("/theirs/deep/x.txt", Kind.FILE)
    assert target.list_folder("/theirs/deep") == []
    put(opened(store), "/theirs/deep/y.txt", b"1")


def test_names_that_no_path_can_have_are_passed_over() -> None:
    store = MemoryStore()
    for name in ("", "/x", "./x", "../x", "x//y"):
        store._write(f"bucket/mirror/{name}", b"1", 1, "s", ANYWAY, marks=False)
    assert [entry.path for entry in opened(store).list_folder("/") or ()] == ["/x"]
