"""Libraries and what happens to them: between them, the runs over these hold every kind of action."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.crash.cloud import CloudWorld
from tests.crash.library import LibraryWorld
from tests.crash.shelf import BIG, EPOCH, Shelf


@dataclass(frozen=True)
class Scene:
    """What lies where before the run that is killed, and how that run is configured.

    ``synced`` fills the library and is brought over by a first, undisturbed run when ``first_run`` says so.
    ``edited`` then changes it (``look`` makes the simulated service notice what it has seen so far). ``placed`` fills
    the target's store. With ``later`` the library moves on between the crash and the way back. ``house`` is the kind of
    world that it plays in: with which target. ``chunks`` are those of the largest file.

    ``disk`` says what is odd about the file system of a local folder: ``apart`` (the quarantine lies on another one),
    ``plain`` (it knows no rename that replaces nothing, as NFS; a link and the end of the old name stand for it).
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
    disk: dict[str, Any] = field(default_factory=dict)
    chunks: int = 3
    house: type[LibraryWorld] = CloudWorld


def busy_library(shelf: Shelf) -> None:
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


def every_kind_of_change(shelf: Shelf, look: Callable[[], None]) -> None:
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


def moved_on(shelf: Shelf) -> None:
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


def half_there(library: Shelf) -> None:
    library.write("A/same.txt", "already there", EPOCH)
    library.write("A/older.txt", "newer at the source", EPOCH + 500)
    library.write("A/older.bin", b"5" * BIG, EPOCH + 500)
    library.write("A/new.txt", "not there yet")
    library.write("B/C/new.bin", b"4" * BIG)
    library.write("top.txt", "at the top", EPOCH)
    library.folder("E/F")


def at_the_target(store: Shelf) -> None:
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


_CHANGES = Scene("changes", busy_library, every_kind_of_change)

SCENES = {
    scene.name: scene
    for scene in (
        _CHANGES,
        Scene("adoption", half_there, placed=at_the_target, first_run=False),
        Scene("first", half_there, first_run=False, target="team/here/mirror"),
        Scene(
            "sweep",
            _for_a_sweep,
            _unsaid,
            options={"mode": "full"},
            route={"policies": {"removals": "delete"}},
            sharepoint={"silent_delete": ("*silent*",)},
        ),
        Scene("moving_on", busy_library, every_kind_of_change, later=moved_on),
        Scene("legacy", busy_library, every_kind_of_change, filecloud={"profile": "legacy"}),
    )
}
