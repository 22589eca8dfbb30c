"""The promises of a source as tests: inherit SourceContract and supply a ``world`` fixture.

A ``world`` is a place whose content can be changed, and sources of it; it begins with :data:`BEGINNING` in it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Protocol

import pytest
from tests.targets.contract import NAMES, noise

from spfc.errors import CursorExpired, ItemChanged, ItemGone
from spfc.planning.model import Kind, SourceItem
from spfc.sources.base import IDENTITY, ChangePage, Source

BEGINNING = {
    "/A/one.bin": noise(5000),
    "/A/B/two.txt": b"two",
    "/A/B/empty.txt": b"",
    "/C/three.txt": b"three",
    "/top.txt": b"top",
}
"""What every world holds at first, besides the folders that this needs and the empty folder ``/Empty``."""

FOLDERS = {"/A", "/A/B", "/C", "/Empty"}

ROUNDS = 200
"""Most rounds until a source that nobody changes is quiet."""


class World(Protocol):
    """A place behind a source. Paths begin with ``/`` at the top of the source; folders above must be there."""

    def source(self) -> Source:
        """Make another source of the same place, bound to it: as another process would have it."""

    def unbound(self) -> Source:
        """Make a source that nobody has bound yet."""

    def write(self, path: str, content: bytes) -> None:
        """Write a file, new or not."""

    def delete(self, path: str) -> None:
        """Delete a file, or a folder with all in it."""

    def rename(self, old: str, new: str) -> None:
        """Rename or move a file or a folder."""

    def make_folder(self, path: str) -> None:
        """Make a folder."""


def furnish(world: World) -> None:
    """Bring a new world to its beginning."""
    for folder in sorted(FOLDERS):
        world.make_folder(folder)
    for path, content in BEGINNING.items():
        world.write(path, content)


class Observer:
    """Reads a source as the engine does, and knows what it has said so far."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.items: dict[str, SourceItem] = {}
        self.cursor: str | None = None
        self.pages: list[ChangePage] = []

    def follow(self, source: Source | None = None) -> None:
        """Read until the source is quiet: from the last cursor, or everything again where that is needed."""
        source = source or self._world.source()
        for _ in range(ROUNDS):
            if self.cursor is not None and not source.has_feed:
                self.cursor = None
            fresh = self.cursor is None
            before = {} if fresh else dict(self.items)
            try:
                shown = self._round(source, before)
            except CursorExpired:
                self.cursor, self.items = None, {}
                continue
            quiet = shown == self.items
            self.items = shown
            if quiet or not source.has_feed:
                return
        raise AssertionError("the source is never quiet")

    def _round(self, source: Source, known: dict[str, SourceItem]) -> dict[str, SourceItem]:
        while True:
            page = source.changes(self.cursor)
            self.pages.append(page)
            known |= {item.id: item for item in page.items}
            self.cursor = page.cursor
            if page.complete:
                return known

    def tree(self) -> dict[str, SourceItem]:
        """Return the live items by path, the source folder left out."""
        paths = ((self._path(item), item) for item in self.items.values() if not item.is_root)
        return {path: item for path, item in paths if path is not None}

    def _path(self, item: SourceItem) -> str | None:
        if item.is_root and not item.deleted:
            return ""
        above = self.items.get(item.parent_id or "?")
        if item.deleted or above is None:
            return None
        path = self._path(above)
        return None if path is None else f"{path}/{item.name}"

    def file(self, path: str) -> SourceItem:
        """Return the file at a path."""
        return self.tree()[path]


def read(source: Source, item: SourceItem, offset: int = 0) -> bytes:
    """Return the bytes of an item from ``offset`` on."""
    with closing(source.open(item, offset=offset)) as stream:
        assert stream.offset == offset
        return b"".join(iter(lambda: stream.read(1000), b""))


def essence(item: SourceItem | None) -> tuple[object, ...] | None:
    """Return what a source says of an item in every answer; of folders, neither size nor version."""
    if item is None:
        return None
    of_file = (item.size, item.modified, item.version) if item.kind is Kind.FILE else ()
    return item.id, item.parent_id, item.name, item.kind, item.is_root, item.deleted, *of_file


def outline(items: dict[str, SourceItem]) -> dict[str, tuple[Kind, int]]:
    """Return kind and size by path; sizes of folders mean nothing."""
    return {path: (item.kind, item.size if item.kind is Kind.FILE else 0) for path, item in items.items()}


def expected(files: dict[str, bytes], folders: Iterable[str]) -> dict[str, tuple[Kind, int]]:
    """Return the outline of what should be there."""
    return dict.fromkeys(folders, (Kind.FOLDER, 0)) | {
        path: (Kind.FILE, len(content)) for path, content in files.items()
    }


class SourceContract:
    """What every source promises."""

    @pytest.fixture
    def world(self) -> Iterator[World]:
        raise NotImplementedError

    @pytest.fixture
    def seen(self, world: World) -> Observer:
        """An observer that has read the beginning."""
        observer = Observer(world)
        observer.follow()
        return observer

    # -- binding -------------------------------------------------------------------------------------

    def test_a_place_that_is_known_is_bound_without_a_request(self, world: World) -> None:
        known = world.unbound().bind(None)
        assert known[IDENTITY]
        later = world.unbound()
        assert later.bind({**known, "place": "kept by the engine"})[IDENTITY] == known[IDENTITY]
        assert later.usage.requests == 0

    def test_whether_there_is_a_feed_is_known_without_a_request(self, world: World) -> None:
        source = world.unbound()
        assert source.has_feed in (True, False)
        assert source.usage.requests == 0

    # -- enumeration ---------------------------------------------------------------------------------

    def test_the_beginning_shows_everything_that_is_there(self, seen: Observer) -> None:
        assert outline(seen.tree()) == expected(BEGINNING, FOLDERS)
        roots = [item for item in seen.items.values() if item.is_root]
        assert [(root.parent_id, root.kind, root.deleted) for root in roots] == [(None, Kind.FOLDER, False)]
        assert all(item.version for item in seen.tree().values() if item.kind is Kind.FILE)

    def test_bytes_are_those_of_the_listed_file(self, world: World, seen: Observer) -> None:
        source = world.source()
        for path, content in BEGINNING.items():
            assert read(source, seen.file(path)) == content

    def test_every_page_is_one_request(self, world: World) -> None:
        for name in range(30):
            world.write(f"/C/{name}.txt", b"x")
        source = world.source()
        source.bind(None)  # logins and the like are not counted
        source.refresh("nothing")
        cursor: str | None = None
        for _ in range(100):
            before = source.usage.requests
            page = source.changes(cursor)
            assert source.usage.requests - before == 1
            cursor = page.cursor
            if page.complete:
                return
        raise AssertionError("the round does not end")

    def test_cursors_of_one_round_are_all_different(self, seen: Observer) -> None:
        cursors = [page.cursor for page in seen.pages]
        assert len(set(cursors)) >= len(cursors) - 1, "only the end of a quiet round may be where it began"

    def test_a_beginning_may_be_asked_for_again(self, world: World, seen: Observer) -> None:
        source = world.source()
        for _ in range(2):
            again = Observer(world)
            again.follow(source)
            assert again.tree() == seen.tree()

    def test_another_process_goes_on_at_any_cursor(self, world: World, seen: Observer) -> None:
        for name in range(25):
            world.write(f"/A/B/{name}.txt", b"x")
        whole = Observer(world)
        whole.follow()
        patched, cursor = Observer(world), None
        for _ in range(100):
            page = world.source().changes(cursor)
            patched.items |= {item.id: item for item in page.items}
            cursor = page.cursor
            if page.complete:
                break
        assert patched.tree() == whole.tree()

    def test_a_page_may_be_asked_for_again(self, world: World, seen: Observer) -> None:
        for name in range(25):
            world.write(f"/A/B/{name}.txt", b"x")
        whole = Observer(world)
        whole.follow()
        source, twice, cursor = world.source(), Observer(world), None
        for _ in range(100):
            source.changes(cursor)
            page = source.changes(cursor)
            twice.items |= {item.id: item for item in page.items}
            cursor = page.cursor
            if page.complete:
                break
        assert twice.tree() == whole.tree()

    def test_names_come_back_as_they_are(self, world: World) -> None:
        names = {f"/Empty/{name}": b"x" * number for number, name in enumerate([*NAMES, "Re\u0301sume\u0301.txt"])}
        for path, content in names.items():
            world.write(path, content)
        observer = Observer(world)
        observer.follow()
        assert outline(observer.tree()) == expected(BEGINNING | names, FOLDERS)
        source = world.source()
        for path, content in names.items():
            assert read(source, observer.file(path)) == content

    # -- changes -------------------------------------------------------------------------------------

    def test_nothing_new_is_no_news(self, world: World, seen: Observer) -> None:
        before = dict(seen.items)
        seen.follow()
        assert {path: item for path, item in seen.items.items() if item.kind is Kind.FILE} == {
            path: item for path, item in before.items() if item.kind is Kind.FILE
        }

    def test_what_changed_is_told(self, world: World, seen: Observer) -> None:
        before = seen.tree()
        world.write("/C/three.txt", b"three, edited")
        world.write("/Empty/new.txt", b"new")
        world.delete("/top.txt")
        world.make_folder("/A/N")
        world.make_folder("/A/N/M")
        world.write("/A/N/M/deep.txt", b"deep")
        seen.follow()
        files = {path: content for path, content in BEGINNING.items() if path != "/top.txt"}
        files |= {"/C/three.txt": b"three, edited", "/Empty/new.txt": b"new", "/A/N/M/deep.txt": b"deep"}
        now = seen.tree()
        assert outline(now) == expected(files, FOLDERS | {"/A/N", "/A/N/M"})
        assert now["/C/three.txt"].id == before["/C/three.txt"].id
        assert now["/C/three.txt"].version != before["/C/three.txt"].version
        assert now["/A/one.bin"] == before["/A/one.bin"]

    def test_a_renamed_folder_is_where_it_is_now(self, world: World, seen: Observer) -> None:
        world.rename("/A", "/C/moved")
        seen.follow()
        files = {path.replace("/A/", "/C/moved/"): content for path, content in BEGINNING.items()}
        assert outline(seen.tree()) == expected(files, {"/C", "/C/moved", "/C/moved/B", "/Empty"})
        assert read(world.source(), seen.file("/C/moved/one.bin")) == BEGINNING["/A/one.bin"]

    def test_a_renamed_file_is_where_it_is_now(self, world: World, seen: Observer) -> None:
        world.rename("/C/three.txt", "/A/3.txt")
        seen.follow()
        files = {"/A/3.txt" if path == "/C/three.txt" else path: content for path, content in BEGINNING.items()}
        assert outline(seen.tree()) == expected(files, FOLDERS)

    def test_a_folder_that_is_gone_takes_everything_along(self, world: World, seen: Observer) -> None:
        world.delete("/A")
        seen.follow()
        files = {path: content for path, content in BEGINNING.items() if not path.startswith("/A/")}
        assert outline(seen.tree()) == expected(files, {"/C", "/Empty"})

    def test_a_folder_made_anew_holds_what_is_in_it_now(self, world: World, seen: Observer) -> None:
        world.delete("/A")
        world.make_folder("/A")
        world.write("/A/fresh.txt", b"fresh")
        seen.follow()
        files = {path: content for path, content in BEGINNING.items() if not path.startswith("/A/")}
        assert outline(seen.tree()) == expected(files | {"/A/fresh.txt": b"fresh"}, {"/A", "/C", "/Empty"})

    def test_a_file_and_a_folder_of_one_name_are_two_items(self, world: World, seen: Observer) -> None:
        before = seen.tree()
        world.delete("/Empty")
        world.write("/Empty", b"a file now")
        world.delete("/top.txt")
        world.make_folder("/top.txt")
        seen.follow()
        now = seen.tree()
        assert (now["/Empty"].kind, now["/top.txt"].kind) == (Kind.FILE, Kind.FOLDER)
        assert now["/Empty"].id != before["/Empty"].id
        assert now["/top.txt"].id != before["/top.txt"].id

    def test_a_file_that_comes_back_is_there(self, world: World, seen: Observer) -> None:
        world.delete("/top.txt")
        seen.follow()
        assert "/top.txt" not in seen.tree()
        world.write("/top.txt", b"again")
        seen.follow()
        assert read(world.source(), seen.file("/top.txt")) == b"again"

    # -- one item ------------------------------------------------------------------------------------

    def test_one_item_can_be_asked_for(self, world: World, seen: Observer) -> None:
        source = world.source()
        item = seen.file("/A/one.bin")
        assert essence(source.refresh(item.id)) == essence(item)
        folder = seen.file("/A/B")
        (root,) = [item for item in seen.items.values() if item.is_root]
        for one in (folder, root):
            assert essence(source.refresh(one.id)) == essence(one)
        world.delete("/A/one.bin")
        assert source.refresh(item.id) is None

    def test_one_item_is_one_request(self, world: World, seen: Observer) -> None:
        source = world.source()
        item = seen.file("/A/one.bin")
        source.refresh(item.id)
        calls: list[Callable[[], object]] = [lambda: source.refresh(item.id), lambda: source.open(item).close()]
        for call in calls:
            before = source.usage.requests
            call()
            assert source.usage.requests - before == 1

    @pytest.mark.parametrize("offset", [1, 2500, 4999])
    def test_bytes_begin_where_they_are_asked_for(self, world: World, seen: Observer, offset: int) -> None:
        source, item = world.source(), seen.file("/A/one.bin")
        with closing(source.open(item)) as whole, closing(source.open(item, offset=offset)) as stream:
            assert (stream.offset, stream.length, stream.version) == (offset, whole.length, whole.version)
            assert stream.length in (5000, None)
            assert stream.read(100) == BEGINNING["/A/one.bin"][offset : offset + 100]
            assert stream.read(10_000) == BEGINNING["/A/one.bin"][offset + 100 :]
            assert stream.read(1) == b""

    def test_a_file_that_is_gone_is_not_opened(self, world: World, seen: Observer) -> None:
        world.delete("/A/one.bin")
        with pytest.raises(ItemGone):
            world.source().open(seen.file("/A/one.bin"))

    def test_another_version_is_never_taken_for_the_one_that_was_begun(self, world: World, seen: Observer) -> None:
        """It has another tag or length, or is refused at once, also when the size is the same."""
        source, item = world.source(), seen.file("/A/one.bin")
        with closing(source.open(item)) as begun:
            tag = begun.version, begun.length
        for content in (noise(5000, 8), noise(6000, 9)):
            world.write("/A/one.bin", content)
            try:
                stream = source.open(item, offset=1000)
            except ItemChanged:
                continue
            assert (stream.version, stream.length) != tag
            stream.close()

    # -- the object itself ---------------------------------------------------------------------------

    def test_threads_may_share_one(self, world: World, seen: Observer) -> None:
        source = world.source()
        together = threading.Barrier(8)
        paths = sorted(BEGINNING)

        def work(number: int) -> None:
            together.wait(timeout=30)
            for turn in range(5):
                path = paths[(number + turn) % len(paths)]
                assert read(source, seen.file(path)) == BEGINNING[path]
                assert essence(source.refresh(seen.file(path).id)) == essence(seen.file(path))

        with ThreadPoolExecutor(8) as pool:
            for future in [pool.submit(work, number) for number in range(8)]:
                future.result()

    def test_closing_again_is_harmless(self, world: World) -> None:
        source = world.source()
        source.close()
        source.close()
