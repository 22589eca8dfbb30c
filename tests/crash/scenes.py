"""Libraries and what happens to them: between them, the runs over these hold every kind of action."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from simulators.sharepoint.server import SharePointSimulator

CHUNK = 4096
"""Bytes per upload chunk in these runs."""

BIG = 2 * CHUNK + 100
"""Bytes of a file that needs three chunks."""

EPOCH = 1_600_000_000


class Shelf:
    """A folder on disk whose files get fixed times, so that every world of a scene is the same."""

    def __init__(self, root: Path, start: int = EPOCH) -> None:
        self.root = root
        self._times: Iterator[int] = count(start, 100)

    def write(self, path: str, body: bytes | str, modified: int | None = None) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body.encode() if isinstance(body, str) else body)
        self.date(path, modified)

    def date(self, path: str, modified: int | None = None) -> None:
        when = next(self._times) if modified is None else modified
        os.utime(self.root / path, (when, when))

    def folder(self, path: str) -> None:
        (self.root / path).mkdir(parents=True)

    def move(self, old: str, new: str) -> None:
        (self.root / old).rename(self.root / new)

    def swap(self, one: str, other: str) -> None:
        self.move(one, "between")
        self.move(other, one)
        self.move("between", other)

    def remove(self, path: str) -> None:
        target = self.root / path
        if target.is_file():
            target.unlink()
            return
        for inside in sorted(target.rglob("*"), reverse=True):
            inside.rmdir() if inside.is_dir() else inside.unlink()
        target.rmdir()


@dataclass(frozen=True)
class Scene:
    """What lies where before the run that is killed, and how that run is configured.

    ``synced`` fills the library and is brought over by a first, undisturbed run when ``first_run`` says so.
    ``edited`` then changes it (``look`` makes the simulated service notice what it has seen so far). ``placed`` fills
    the target's store. With ``later`` the library moves on between the crash and the way back.
    """

    name: str
    synced: Callable[[Shelf], None]
    edited: Callable[[Shelf, Callable[[], None]], None] = lambda shelf, look: None
    placed: Callable[[Shelf], None] = lambda store: None
    later: Callable[[Shelf], None] | None = None
    first_run: bool = True
    options: dict[str, Any] = field(default_factory=dict)
    route: dict[str, Any] = field(default_factory=dict)
    target: str = "mirror"
    sharepoint: dict[str, Any] = field(default_factory=dict)
    filecloud: dict[str, Any] = field(default_factory=dict)


def noticed_by(service: SharePointSimulator) -> Callable[[], None]:
    """Return what makes the service look at its folder now, as a request would."""

    def look() -> None:
        with service._services.library.opened(rescan=True):
            pass

    return look


def _library(shelf: Shelf) -> None:
    for name in ("Docs/a.txt", "Docs/edit.txt", "Docs/touch.txt", "Docs/case.txt", "Docs/one.txt", "Docs/two.txt"):
        shelf.write(name, f"body of {name}")
    shelf.write("Docs/big.bin", b"1" * BIG)
    shelf.write("Old/x.txt", "x")
    shelf.write("Old/Deep/y.txt", "y")
    shelf.write("Box/m.txt", "moves")
    shelf.write("Box/both.txt", "moves and changes")
    shelf.write("Gone/g.txt", "goes")
    shelf.write("Gone/Sub/h.txt", "goes too")
    shelf.write("Gone/kept.txt", "moves out of a folder that goes")
    shelf.write("gone.txt", "goes alone")
    shelf.write("again.txt", "goes and comes back as another file")
    shelf.write("Twin/t.txt", "in the folder that goes")
    shelf.write("North/n.txt", "north")
    shelf.write("South/s.txt", "south")


def _every_kind_of_change(shelf: Shelf, look: Callable[[], None]) -> None:
    shelf.remove("again.txt")
    shelf.remove("Twin")
    look()
    shelf.write("again.txt", "another file of that name")
    shelf.write("Twin/u.txt", "in the new folder")
    shelf.write("New/Deeper/n.txt", "new")
    shelf.write("New/empty.bin", b"")
    shelf.write("New/big.bin", b"2" * BIG)
    shelf.folder("Hollow/Inside")
    shelf.write("Docs/edit.txt", "edited")
    shelf.write("Docs/big.bin", b"3" * BIG)
    shelf.date("Docs/touch.txt", EPOCH + 50)
    shelf.move("Docs/case.txt", "Docs/CASE.txt")
    shelf.swap("Docs/one.txt", "Docs/two.txt")
    shelf.swap("North", "South")
    shelf.move("Old", "Archive")
    shelf.write("Archive/Deep/y.txt", "y, edited below a renamed folder")
    shelf.move("Box/m.txt", "Docs/m.txt")
    shelf.move("Docs/a.txt", "New/Deeper/a.txt")
    shelf.move("Box/both.txt", "Docs/both.txt")
    shelf.write("Docs/both.txt", "moved and changed")
    shelf.move("Gone/kept.txt", "Docs/kept.txt")
    (shelf.root.parent / "bin").mkdir()  # from where they may be restored as the same items
    shelf.move("Gone", "../bin/Gone")
    shelf.move("gone.txt", "../bin/gone.txt")


def _moved_on(shelf: Shelf) -> None:
    """Touch what the crash may have left in doubt: edit it again, take it back, rename it, remove it."""
    shelf.write("New/Deeper/n.txt", "new, and edited at once")
    shelf.write("Docs/edit.txt", "edited twice")
    shelf.write("Docs/big.bin", b"1" * BIG)  # the content before the change that was under way
    shelf.write("again.txt", "and again another content")
    shelf.move("New/big.bin", "New/large.bin")
    shelf.remove("New/empty.bin")
    shelf.move("Archive", "Old")
    shelf.move("Docs/m.txt", "Box/m.txt")
    shelf.move("Docs/both.txt", "both.txt")
    shelf.move("Docs/CASE.txt", "Docs/case.txt")
    shelf.swap("Docs/one.txt", "Docs/two.txt")
    shelf.swap("North", "South")
    shelf.move("Hollow", "Shell")
    shelf.move("New/Deeper", "Deeper")
    shelf.move("../bin/gone.txt", "gone.txt")
    shelf.move("../bin/Gone", "Gone")


def _half_there(library: Shelf) -> None:
    library.write("A/same.txt", "already there", EPOCH)
    library.write("A/older.txt", "newer at the source", EPOCH + 500)
    library.write("A/older.bin", b"5" * BIG, EPOCH + 500)
    library.write("A/new.txt", "not there yet")
    library.write("B/C/new.bin", b"4" * BIG)
    library.write("top.txt", "at the top", EPOCH)
    library.folder("E/F")


def _at_the_target(store: Shelf) -> None:
    store.write("mirror/A/same.txt", "already there", EPOCH)
    store.write("mirror/A/older.txt", "old", EPOCH)
    store.write("mirror/A/older.bin", b"older", EPOCH)
    store.write("mirror/top.txt", "at the top", EPOCH)
    store.folder("mirror/E")


def _for_a_sweep(shelf: Shelf) -> None:
    for number in range(6):
        shelf.write(f"Docs/stays {number}.txt", f"stays {number}")
    shelf.write("Docs/silent 1.txt", "goes without a word")
    shelf.write("Docs/silent 2.txt", "so does this")
    shelf.write("Quiet/silent 3.txt", "and this")


def _unsaid(shelf: Shelf, look: Callable[[], None]) -> None:
    for name in ("Docs/silent 1.txt", "Docs/silent 2.txt", "Quiet/silent 3.txt"):
        shelf.remove(name)
    look()
    shelf.write("Docs/stays 1.txt", "edited")
    shelf.move("Docs/stays 2.txt", "Quiet/stays 2.txt")


_CHANGES = Scene("changes", _library, _every_kind_of_change)

SCENES = {
    scene.name: scene
    for scene in (
        _CHANGES,
        Scene("adoption", _half_there, placed=_at_the_target, first_run=False),
        Scene("first", _half_there, first_run=False, target="team/here/mirror"),
        Scene(
            "sweep",
            _for_a_sweep,
            _unsaid,
            options={"mode": "full"},
            route={"policies": {"removals": "delete"}},
            sharepoint={"silent_delete": ("*silent*",)},
        ),
        Scene("moving_on", _library, _every_kind_of_change, later=_moved_on),
        Scene("legacy", _library, _every_kind_of_change, filecloud={"profile": "legacy"}),
    )
}
