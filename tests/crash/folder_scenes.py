"""What happens to libraries that are mirrored to a local folder, on good file systems and on odd ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.crash.folder import FolderWorld
from tests.crash.scenes import (
    Scene,
    at_the_target,
    busy_library,
    every_kind_of_change,
    half_there,
    moved_on,
)
from tests.crash.shelf import CHUNK, Shelf

LONG = 8
"""Chunks of a file whose progress is kept in the ledger."""

_FolderScene = partial(Scene, house=FolderWorld)


def _long_files(shelf: Shelf) -> None:
    shelf.write("Films/long.bin", b"a" * (LONG * CHUNK - 100))
    shelf.write("short.txt", "short")


def _changed_at_length(shelf: Shelf, look: Callable[[], None]) -> None:
    shelf.write("Films/long.bin", b"b" * (LONG * CHUNK - 50))
    shelf.write("Films/new.bin", b"c" * (LONG * CHUNK))


def _changed_again(shelf: Shelf) -> None:
    shelf.write("Films/long.bin", b"d" * (LONG * CHUNK - 50))
    shelf.move("Films/new.bin", "Films/late.bin")


def _doomed(shelf: Shelf) -> None:
    shelf.write("Docs/a.txt", "stays")
    for number in range(3):
        shelf.write(f"Gone/g{number}.txt", f"goes {number}")
        shelf.write(f"Gone/Sub/h{number}.txt", f"goes too {number}")
    shelf.write("gone.txt", "goes alone")


def _into_the_bin(shelf: Shelf, look: Callable[[], None]) -> None:
    (shelf.root.parent / "bin").mkdir()
    shelf.move("Gone", "../bin/Gone")
    shelf.move("gone.txt", "../bin/gone.txt")


def _out_of_the_bin(shelf: Shelf) -> None:
    shelf.move("../bin/Gone", "Gone")
    shelf.move("../bin/gone.txt", "gone.txt")


_DELETE = {"policies": {"removals": "delete", "removal_guard": {"max_share": 1.0}}}
_GUARD = {"policies": {"removal_guard": {"max_share": 1.0}}}

FOLDER_SCENES = {
    scene.name: scene
    for scene in (
        _FolderScene("folder", busy_library, every_kind_of_change),
        _FolderScene("folder_moving_on", busy_library, every_kind_of_change, later=moved_on),
        _FolderScene("folder_adoption", half_there, placed=at_the_target, first_run=False),
        _FolderScene("folder_long", _long_files, _changed_at_length, chunks=LONG),
        _FolderScene("folder_long_moving_on", _long_files, _changed_at_length, later=_changed_again, chunks=LONG),
        _FolderScene("folder_delete", _doomed, _into_the_bin, route=_DELETE),
        _FolderScene("folder_restored", _doomed, _into_the_bin, route=_DELETE, later=_out_of_the_bin),
        _FolderScene("folder_plain", busy_library, every_kind_of_change, disk={"plain": True}),
        _FolderScene(
            "folder_plain_moving_on", busy_library, every_kind_of_change, later=moved_on, disk={"plain": True}
        ),
        _FolderScene("folder_apart", _doomed, _into_the_bin, route=_GUARD, disk={"apart": True}),
        _FolderScene(
            "folder_apart_restored", _doomed, _into_the_bin, route=_GUARD, later=_out_of_the_bin, disk={"apart": True}
        ),
    )
}
