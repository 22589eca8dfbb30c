"""Changing the store: folders, finished uploads, deletes, moves, copies (reference 7.5, 9)."""

from __future__ import annotations

import filecmp
import os
import shutil
import stat
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from simulators.filecloud import disk, places
from simulators.filecloud.errors import NotFound, Refused
from simulators.filecloud.names import check_new, fold
from simulators.filecloud.places import Place
from simulators.filecloud.world import World


def check_parent(world: World, place: Place) -> Path:
    """Return the folder around a place. Raises NotFound when it is not there."""
    parent = world.find(place.parent)
    status = world.status(parent)
    if parent.disk is None or status is None or not stat.S_ISDIR(status.st_mode):
        raise NotFound("The folder does not exist", "CLFC-2006")
    return parent.disk


def check_case(world: World, folder: Path, name: str) -> None:
    """Raise Refused when a name differing only in case is in the folder (reference 4, "Case")."""
    other = world.index.variant(folder, name)
    if other is not None:
        raise Refused("A file or folder with the same name in another case exists", "CLFC-4001")


def make_folder(world: World, place: Place) -> None:
    """Make one folder in an existing one. Raises Refused when its name is taken or not allowed."""
    path = world.writable(place)
    folder = check_parent(world, place)
    check_new(place.name, world.knobs, is_file=False)
    check_case(world, folder, place.name)
    if world.status(place) is not None:
        raise Refused("A file or folder with this name exists", "CLFC-4002")
    known = world.index.before_change(folder)
    path.mkdir()
    world.index.after_change(folder, known, place.name, is_folder=True)
    world.note(place, path, is_folder=True)


def make_folders(world: World, place: Place) -> None:
    """Make a folder and all missing ones above it; what exists is fine."""
    if world.status(place) is not None or place.key == "":
        return
    make_folders(world, world.find(place.parent))
    make_folder(world, place)


def put_file(world: World, place: Place, incoming: Path, epoch: int, how: str) -> os.stat_result:
    """Let a complete file on disk become the content of a place, in one step.

    What was there becomes a version. Returns the new status. Raises Refused without changing anything.
    """
    path = world.writable(place)
    folder = check_parent(world, place)
    old = world.status(place)
    if old is not None and stat.S_ISDIR(old.st_mode):
        raise Refused("A folder with this name exists", "CLFC-4002")
    content = world.contents.fresh(1, world.account, how, world.now())
    if old is not None:
        before = world.contents.of(old)
        unchanged = world.knobs.etag_same_bytes == "keep" and filecmp.cmp(path, incoming, shallow=False)
        number = keep_version(world, place, path, old) + 1
        fresh = world.contents.fresh(number, world.account, how, world.now())
        content = before if unchanged and before.serial else fresh
    disk.set_time(incoming, epoch)
    known = world.index.before_change(folder)
    disk.move(incoming, path)
    world.index.after_change(folder, known, place.name, is_folder=False)
    new = path.lstat()
    world.contents.put(new, content)
    world.note(place, path, is_folder=False)
    world.used_changed(new.st_size if old is None else None)
    return new


def keep_version(world: World, place: Place, path: Path, status: os.stat_result) -> int:
    """Keep what is about to be overwritten, as far as the server does so; return its version number.

    Raises Refused when overwriting is forbidden (reference 7.5: versions set to -1).
    """
    most, largest = world.knobs.keep_versions, world.knobs.version_size_limit
    if most < 0:
        raise Refused("Overwriting files is not allowed", "CLFC-4003")
    content = world.contents.of(status)
    if most and not (largest and status.st_size > largest):
        return world.history.keep(place.key, path, status, content, most)
    return content.number


def remove(world: World, place: Place) -> None:
    """Delete a file, or a folder with all in it: into the recycle bin if that is on."""
    path, status = world.existing(place)
    world.writable(place)
    if place.key == "":
        raise Refused("This folder cannot be deleted", "CLFC-2002")
    knobs = world.knobs
    world.note(place, path, stat.S_ISDIR(status.st_mode), deleted=True)
    known = world.index.before_change(path.parent)
    if knobs.recycle and not (knobs.recycle_size_limit and status.st_size > knobs.recycle_size_limit):
        world.bin.take(place.key, path, world.clock.now())
    else:
        disk.remove(path)
    world.index.after_change(path.parent, known, place.name, is_folder=None)
    if stat.S_ISDIR(status.st_mode):
        world.index.forget_below(path)
    world.history.forget(place.key)
    world.locks.forget(place.key)
    world.used_changed(None)


def relocate(world: World, source: Place, target: Place, overwrite: bool) -> None:
    """Rename or move a file or folder. An existing file at the target is replaced only if asked.

    Raises Refused when the target is taken, lies inside the source, or may not be written.
    """
    old, status = world.existing(source)
    world.writable(source)
    new, folder, there = _check_target(world, source, target, status, overwrite)
    _check_storage(world, source, target)
    _check_spelling(world, source, target, folder)
    number = keep_version(world, target, new, there) if there is not None else 0
    is_folder = stat.S_ISDIR(status.st_mode)
    world.note(source, old, is_folder, deleted=True)
    known_old = world.index.before_change(old.parent)
    known_new = world.index.before_change(folder)
    disk.move(old, new)
    world.index.after_change(old.parent, known_old, source.name, is_folder=None)
    world.index.after_change(folder, known_new, target.name, is_folder)
    if is_folder:
        world.index.forget_below(old)
    else:
        _after_move(world, new, number)
    if world.knobs.move_keeps_versions:
        world.history.moved(source.key, target.key)
    else:
        world.history.forget(source.key)
    world.locks.forget(source.key)
    world.note(target, new, is_folder)
    world.used_changed(None)


def copy(world: World, source: Place, target: Place, overwrite: bool) -> None:
    """Copy a file or folder; the copy has no versions. Refusals as for `relocate`."""
    old, status = world.existing(source)
    new, folder, _ = _check_target(world, source, target, status, overwrite)
    _check_storage(world, source, target)
    check_case(world, folder, target.name)
    passing = folder / f"{places.INCOMING}{uuid4().hex}"
    if stat.S_ISDIR(status.st_mode):
        shutil.copytree(old, passing, symlinks=True)
        known = world.index.before_change(folder)
        passing.rename(new)
        world.index.after_change(folder, known, target.name, is_folder=True)
        world.note(target, new, is_folder=True)
        world.used_changed(None)
        return
    epoch = status.st_mtime_ns // 10**9 if world.knobs.copy_keeps_time else world.now()
    try:
        shutil.copyfile(old, passing)
        put_file(world, target, passing, epoch, "copy")
    finally:
        passing.unlink(missing_ok=True)


def _after_move(world: World, path: Path, replaced: int) -> None:
    """Renumber a file that took the place of version `replaced`, and renew its time if the knob says so."""
    content = world.contents.of(path.lstat())
    if not world.knobs.move_keeps_time:
        disk.set_time(path, world.now())
    elif content.number > replaced:
        return
    world.contents.put(path.lstat(), replace(content, number=max(content.number, replaced + 1)))


def _check_target(
    world: World, source: Place, target: Place, status: os.stat_result, overwrite: bool
) -> tuple[Path, Path, os.stat_result | None]:
    new = world.writable(target)
    folder = check_parent(world, target)
    is_file = stat.S_ISREG(status.st_mode)
    check_new(target.name, world.knobs, is_file)
    if source.key == "" or target.key == source.key:
        raise Refused("Source and destination are the same", "CLFC-4004")
    if places.under(target.key, (source.key,)):
        raise Refused("A folder cannot be put into itself", "CLFC-4005")
    there = world.status(target)
    if there is not None and (not overwrite or not is_file or stat.S_ISDIR(there.st_mode)):
        raise Refused("A file or folder with this name exists", "CLFC-4002")
    return new, folder, there


def _check_storage(world: World, source: Place, target: Place) -> None:
    """Refuse to copy or move between managed storage and network folders (reference 4, 9). The words are a guess.

    Two spellings of a path that differ in case are one place, so a change of case stays within its storage.
    """
    folders = world.knobs.network_folders
    one, other = ([places.under(fold(place.path), (fold(root),)) for root in folders] for place in (source, target))
    if one != other:
        raise Refused("This is not possible between managed storage and network folders", "CLFC-4006")


def _check_spelling(world: World, source: Place, target: Place, folder: Path) -> None:
    same_item = source.parent == target.parent and fold(source.name) == fold(target.name)
    if not same_item:
        check_case(world, folder, target.name)
    elif world.knobs.case_rename == "refuse":
        raise Refused("A file or folder with the same name in another case exists", "CLFC-4001")
