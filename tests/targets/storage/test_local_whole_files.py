"""Nothing half is ever seen in a local target, whatever dies, runs full or is killed, and trouble has a name."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.targets.contract import NOON, WINTER, noise, put
from tests.targets.storage.local_world import CHUNK, opened

from spfc.errors import (
    Disposition,
    ItemChanged,
    ItemError,
    ItemGone,
    MoveRefused,
    PermissionMissing,
    PlaceNotFound,
    QuotaFull,
    ServiceBusy,
    SpfcError,
    TargetChanged,
)
from spfc.planning.model import Kind
from spfc.targets.base import PutSpec
from spfc.targets.storage import posix
from spfc.targets.storage.local import LocalFolderTarget
from spfc.targets.storage.staging import STAGING, STALE_DAYS, staged_name


def test_a_reader_sees_the_old_file_or_the_new_one(target: LocalFolderTarget, root: Path) -> None:
    versions = [bytes([letter]) * (3 * CHUNK) for letter in b"ab"]
    put(target, "/x.bin", versions[0])
    seen: set[bytes] = set()
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            seen.add((root / "x.bin").read_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    for number in range(60):
        put(target, "/x.bin", versions[number % 2])
    ended.set()
    watcher.join()
    assert seen <= set(versions)


def test_the_time_is_set_before_a_file_is_seen(
    target: LocalFolderTarget, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    def watched(name: str) -> None:
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, **more: (order.append(name), real(*args, **more))[1])

    for name in ("pwrite", "utime", "fsync", "rename"):
        watched(name)
    put(target, "/x.bin", b"1", modified=WINTER)
    assert order == ["pwrite", "utime", "fsync", "rename", "fsync"]
    assert (root / "x.bin").stat().st_mtime_ns == WINTER * 10**9
    for odd in (0, -86_400, 4_102_444_800):
        assert put(target, "/y.bin", b"1", modified=odd).modified == odd


def test_an_edit_is_noticed_though_size_and_second_are_the_same(target: LocalFolderTarget, root: Path) -> None:
    ours = put(target, "/x.txt", b"ours")
    target.make_folder("/a")
    target.move("/x.txt", "/a/x.txt")
    moved = target.stat("/a/x.txt")
    assert moved is not None
    assert moved.etag == ours.etag, "a rename is no edit"
    (root / "a" / "x.txt").write_bytes(b"edit")
    os.utime(root / "a" / "x.txt", ns=(0, NOON * 10**9 + 5))
    with pytest.raises(TargetChanged):
        put(target, "/a/x.txt", b"next", expect_etag=ours.etag)
    assert (root / "a" / "x.txt").read_bytes() == b"edit"


def test_a_replaced_file_keeps_its_mode(target: LocalFolderTarget, root: Path) -> None:
    put(target, "/x.txt", b"1")
    (root / "x.txt").chmod(0o640)
    put(target, "/x.txt", b"2")
    assert (root / "x.txt").stat().st_mode & 0o777 == 0o640


def test_a_process_that_is_killed_leaves_the_old_file_and_another_one_goes_on(
    target: LocalFolderTarget, root: Path
) -> None:
    put(target, "/x.bin", b"old")
    content = noise(3 * CHUNK)
    script = (
        "import os, signal, sys; from spfc.targets.base import PutSpec;"
        "from spfc.targets.storage.local import LocalFolderTarget;"
        f"t = LocalFolderTarget(sys.argv[1], chunk_size={CHUNK}); c = sys.stdin.buffer.read();"
        f"s = PutSpec('/x.bin', {len(content)}, {NOON});"
        f"[t.put_chunk(s, n, c[n:n + {CHUNK}], last=False) for n in (0, {CHUNK})];"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(root)], input=content, env=environment(), check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (root / "x.bin").read_bytes() == b"old"
    assert [entry.name for entry in target.list_folder("/") or ()] == ["x.bin"]
    spec = PutSpec("/x.bin", len(content), NOON)
    target.put_chunk(spec, CHUNK, content[CHUNK : 2 * CHUNK], last=False)  # its last chunk was not noted any more
    target.put_chunk(spec, 2 * CHUNK, content[2 * CHUNK :], last=True)
    assert (root / "x.bin").read_bytes() == content
    assert list((root / STAGING).iterdir()) == []


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def test_a_process_that_dies_between_its_last_byte_and_the_rename_leaves_the_old_file(
    target: LocalFolderTarget, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(target, "/x.bin", b"old")

    def die(*_: Any, **__: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", die)
        with pytest.raises(SystemExit):
            put(target, "/x.bin", b"new")
    assert (root / "x.bin").read_bytes() == b"old"
    put(target, "/x.bin", b"new")
    assert (root / "x.bin").read_bytes() == b"new"


def test_two_processes_do_not_put_one_file_together(target: LocalFolderTarget, root: Path) -> None:
    ours, theirs = noise(2 * CHUNK, 1), noise(2 * CHUNK, 2)
    spec = PutSpec("/x.bin", 2 * CHUNK, NOON)
    with_lock, other = target, opened(root)
    with_lock.put_chunk(spec, 0, ours[:CHUNK], last=False)
    with pytest.raises(ServiceBusy) as caught:
        other.put_chunk(spec, CHUNK, theirs[CHUNK:], last=True)
    assert caught.value.disposition is Disposition.RETRY
    other.put_chunk(spec, 0, theirs[:CHUNK], last=False)  # from the beginning it may: whoever was first has lost
    with pytest.raises(ServiceBusy):
        with_lock.put_chunk(spec, CHUNK, ours[CHUNK:], last=True)
    assert not (root / "x.bin").exists()
    other.put_chunk(spec, CHUNK, theirs[CHUNK:], last=True)
    assert (root / "x.bin").read_bytes() == theirs
    other.close()


def test_uploads_that_nobody_goes_on_with_are_cleared_away(root: Path) -> None:
    first = opened(root)
    first.make_folder("/")
    first.put_chunk(PutSpec("/old.bin", 9, NOON), 0, b"1234", last=False)
    first.close()
    left = root / STAGING / staged_name("/old.bin")
    os.utime(left, (WINTER, WINTER))  # the time of the document says nothing about the upload
    put(opened(root), "/x.bin", b"1")
    assert list((root / STAGING).iterdir()) == [left]
    later = opened(root)
    later._staging._clock = lambda: time.time() + (STALE_DAYS + 1) * 86_400
    put(later, "/y.bin", b"1")
    assert list((root / STAGING).iterdir()) == []


def test_an_old_document_about_to_appear_is_not_cleared_away(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = opened(root), opened(root)
    one.make_folder("/")
    plain, begun = posix.rename_no_replace, []

    def meanwhile(*args: Any) -> None:
        if not begun:  # a task that begins its work at this very moment
            begun.append(put(other, "/theirs.bin", b"2"))
        plain(*args)

    monkeypatch.setattr(posix, "rename_no_replace", meanwhile)
    put(one, "/ours.bin", b"1", modified=WINTER, expect_absent=True)
    assert begun and (root / "ours.bin").read_bytes() == b"1"


def test_an_upload_that_somebody_took_away_may_be_tried_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = opened(root)
    target.make_folder("/")
    plain = posix.rename_no_replace

    def taken(*args: Any) -> None:
        (root / STAGING / staged_name("/x.bin")).unlink()
        plain(*args)

    monkeypatch.setattr(posix, "rename_no_replace", taken)
    with pytest.raises(ServiceBusy) as caught:
        put(target, "/x.bin", b"1", expect_absent=True)
    assert caught.value.disposition is Disposition.RETRY
    monkeypatch.setattr(posix, "rename_no_replace", plain)
    put(target, "/x.bin", b"1", expect_absent=True)


# -- trouble -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (errno.ENOSPC, QuotaFull), (errno.EDQUOT, QuotaFull), (errno.EFBIG, ItemError),
        (errno.EROFS, PermissionMissing), (errno.EIO, ServiceBusy), (errno.ESTALE, ServiceBusy),
        (errno.ENOTCONN, PlaceNotFound),
    ],
)  # fmt: skip
def test_trouble_while_writing_is_named_and_leaves_nothing(
    target: LocalFolderTarget, root: Path, monkeypatch: pytest.MonkeyPatch, code: int, expected: type[SpfcError]
) -> None:
    put(target, "/x.bin", b"old")
    real, written = os.pwrite, []

    def fail(file: int, data: Any, offset: int) -> int:
        written.append(offset)
        if len(written) == 1:
            return real(file, data[:3], offset)  # a short write is gone on with
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "pwrite", fail)
    with pytest.raises(expected) as caught:
        put(target, "/x.bin", b"new content")
    assert caught.value.item == "/x.bin"
    assert caught.value.hint
    monkeypatch.undo()
    assert (root / "x.bin").read_bytes() == b"old"
    assert list((root / STAGING).iterdir()) == []


def test_a_disk_that_is_full_is_named(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        target = opened(disk / "mirror")
        target.make_folder("/")
        with pytest.raises(QuotaFull):
            put(target, "/x.bin", noise(200_000))
        assert target.list_folder("/") == []
        put(target, "/x.bin", noise(30_000))  # the room was given back
        away = tmp_path / "away"
        with pytest.raises(MoveRefused):
            target.retire("/x.bin", Kind.FILE, f"{away}/x.bin")
        assert target.stat("/x.bin") is not None
        target.close()
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_file_that_shrinks_while_it_is_read_is_found_out(target: LocalFolderTarget, root: Path) -> None:
    put(target, "/x.bin", noise(5000))
    stream = target.open("/x.bin", size=5000)
    stream.read(1000)
    os.truncate(root / "x.bin", 2000)
    with pytest.raises(ItemError):
        stream.read(5000)
    stream.close()
    with pytest.raises(ItemChanged):
        target.open("/x.bin", size=5000)


def test_no_files_are_left_open(target: LocalFolderTarget, root: Path) -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc")
    target.make_folder("/a")
    before = count()
    for number in range(5):
        put(target, "/a/x.bin", b"1")
        put(target, f"/a/{number}.bin", b"1", expect_absent=True)
        target.put_chunk(PutSpec(f"/b{number}.bin", 9, NOON), 0, b"1234", last=False)
        for change in (
            lambda: put(target, "/no/x.bin", b"1"),
            lambda: put(target, "/a/x.bin", b"1", expect_absent=True),
            lambda: target.open("/a/x.bin", size=2),
            lambda: target.move("/a/x.bin", "/a/0.bin"),
            lambda: target.retire("/a/none", Kind.FILE, f"{root.parent}/kept/deep/x"),
        ):
            with pytest.raises(ItemError):
                change()
        target.list_folder("/a")
    target.retire("/a/x.bin", Kind.FILE, f"{root.parent}/kept/deep/x")
    target.close()
    assert count() == before


def test_moving_asks_the_kernel_not_to_replace(target: LocalFolderTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is taken between the look and the rename is still not replaced."""
    put(target, "/x.txt", b"1")
    put(target, "/y.txt", b"2")
    monkeypatch.setattr(posix, "look", lambda *_: None)
    with pytest.raises(FileExistsError), posix.folder(target.root) as at:
        posix.rename_no_replace(at, "x.txt", at, "y.txt")


def test_a_rename_that_nfs_repeated_unasked_is_done(
    target: LocalFolderTarget, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_flagged, real_rename = posix._rename_flagged, os.rename

    def twice(real: Callable[..., None]) -> Callable[..., None]:
        def rename(*args: Any, **more: Any) -> None:
            real(*args, **more)
            real(*args, **more)

        return rename

    monkeypatch.setattr(posix, "_rename_flagged", twice(real_flagged))
    monkeypatch.setattr(os, "rename", twice(real_rename))
    put(target, "/x.txt", b"1")
    put(target, "/x.txt", b"2")
    target.move("/x.txt", "/y.txt")
    assert (root / "y.txt").read_bytes() == b"2"
    monkeypatch.undo()
    with pytest.raises(ItemGone):
        target.move("/x.txt", "/z.txt")


def test_a_share_that_cannot_sync_folders_or_set_modes_is_coped_with(
    target: LocalFolderTarget, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def sync(file: int) -> None:
        if posix.kind_of(os.fstat(file)) is Kind.FOLDER:
            raise OSError(errno.EINVAL, "no folders here")
        real(file)

    def refuse(*_: Any) -> None:
        raise PermissionError(errno.EPERM, "no modes here")

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "fchmod", refuse)
    target.make_folder("/a")
    put(target, "/a/x.txt", b"1")
    put(target, "/a/x.txt", b"2")
    target.move("/a/x.txt", "/y.txt")
    assert (root / "y.txt").read_bytes() == b"2"
