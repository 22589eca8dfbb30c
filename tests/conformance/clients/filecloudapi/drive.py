"""Drives the vendor's Python client through the fifteen rows of FileCloud reference 17.1."""

from __future__ import annotations

import datetime
import hashlib
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import saying
from filecloudapi.datastructures import EntryType, SortDir
from filecloudapi.fcserver import FCServer, ServerError

CHUNK = 20 << 20
"""What the client sends at once (reference 7.4)."""
NAMES = ("é", "a#b", "a&b", "a+b", "a%b", "it's", 'a"b', "a b", "😀", "e\u0301", "!a")
UTC = datetime.UTC


class Rows:
    """The fifteen rows, each a method; ``store`` is the folder behind the server of the current kind."""

    def __init__(self, report: saying.Report) -> None:
        self.report, self.servers = report, report.config["servers"]
        self.client = self.sign_in("current")
        self.store = Path(self.servers["current"]["store"])
        self.root = self.servers["current"]["root"]
        self.check = ""

    def sign_in(self, kind: str, password: str = "", **more: Any) -> FCServer:
        server = self.servers[kind]
        return FCServer(
            server["url"], None, server["account"], password or server["password"], withretries=False, **more
        )

    def saw(self, good: bool, note: str) -> None:
        self.report.said(self.check, good, note)

    @contextmanager
    def refused(self, note: str, kind: type[Exception] = ServerError) -> Iterator[None]:
        """Say that the block fails as it should."""
        try:
            yield
        except kind as error:
            self.saw(True, f"{note}: {type(error).__name__}")
        else:
            self.saw(False, f"{note}: no error")

    def row_01(self) -> None:
        """Login, wrong password, second factor."""
        self.saw("tonido-login-hash" in " ".join(self.client.session.cookies.keys()), "session cookies")
        with self.refused("wrong password"):
            self.sign_in("current", password="wrong")
        again = self.sign_in("two_factor", twofakeyfun=lambda: self.report.config["two_factor_code"])
        self.saw(again.fileexists_no_retry(f"{self.root}"), "result 3, then 2falogin")
        with self.refused("wrong code"):
            self.sign_in("two_factor", twofakeyfun=lambda: "000000")

    def row_02(self) -> None:
        """Folders: nested, again, with a subpath."""
        etags = [self.client.createfolder(f"{self.root}/{path}") for path in ("a", "a/b", "a/b/c")]
        self.saw(all(etags) and (self.store / "a/b/c").is_dir(), "nested, each with an ETag")
        with self.refused("the same again"):
            self.client.createfolder(f"{self.root}/a")
        self.client.createfolder(f"{self.root}/s", subpath="t")
        self.saw((self.store / "s").is_dir(), "with subpath")

    def row_03(self) -> None:
        """Uploads of sizes around the chunk."""
        self.client.upload_bytes(b"", f"{self.root}/empty")
        self.client.upload_str("é", f"{self.root}/text")
        stored = ((self.store / "empty").read_bytes(), (self.store / "text").read_bytes())
        self.saw(stored == (b"", "é".encode()), "bytes and text")
        local = self.report.scratch / "local"
        for size in (1, CHUNK - 1, CHUNK, CHUNK + 1, 45 << 20):
            local.write_bytes((b"\r\n--boundary" * (size // 12 + 1))[:size])
            etag = self.client.upload_file(local, f"{self.root}/sized")
            same = digest(self.store / "sized") == digest(local)
            self.saw(same and self.client.fileinfo_no_retry(f"{self.root}/sized").etag == etag, f"{size:,} bytes")

    def row_04(self) -> None:
        """Modification times: daylight saving, far past and future."""
        for when in (
            datetime.datetime(2024, 3, 10, 8, 30, tzinfo=UTC),
            datetime.datetime(2024, 11, 3, 6, 59, 59, tzinfo=UTC),
            datetime.datetime(1980, 1, 1, tzinfo=UTC),
            datetime.datetime(2099, 12, 31, 23, 59, 58, tzinfo=UTC),
        ):
            self.client.upload_str("x", f"{self.root}/timed", when)
            stored = (self.store / "timed").stat().st_mtime
            info = self.client.fileinfo_no_retry(f"{self.root}/timed")
            self.saw(stored == when.timestamp(), f"{when:%Y-%m-%d %H:%M}: on disk, and shown as {info.modified}")

    def row_05(self) -> None:
        """Overwriting, and conditions."""
        when = datetime.datetime(2024, 5, 5, 5, 5, 5, tzinfo=UTC)
        path = f"{self.root}/condition"
        etag = self.client.upload_str("1", path, when)
        with self.refused("nofileoverwrite"):
            self.client.upload_str("2", path, when, nofileoverwrite=True)
        with self.refused("wrong ifetag"):
            self.client.upload_str("2", path, when, ifetag="0" * 32)
        with self.refused("wrong iflastmodified"):
            self.client.upload_str("2", path, when, iflastmodified=when - datetime.timedelta(days=1))
        self.client.upload_str("2", path, when, ifetag=etag)
        self.client.upload_str("3", path, when, iflastmodified=when)
        kept = len(self.client.fileversions(self.root, "condition"))
        self.saw((self.store / "condition").read_text() == "3" and kept == 3, f"right conditions, {kept} versions")

    def row_06(self) -> None:
        """Listings of many sizes, sorted and in parts."""
        for count in (0, 1, 999, 1000, 1001, 2500):
            folder = self.store / f"list {count}"
            folder.mkdir()
            for number in range(count):
                (folder / f"f{number:04d}").write_bytes(b"x")
            names: list[str] = []
            while True:
                part = self.client.getfilelist(f"{self.root}/list {count}", start=len(names))
                names += [entry.name for entry in part.entries]
                if not part.entries or len(names) >= part.total:
                    break
            whole = names == [f"f{number:04d}" for number in range(count)]
            self.saw(whole and part.total == count, f"{count} entries")
        few = self.client.getfilelist(f"{self.root}/list 2500", start=10, limit=5)
        self.saw([e.name for e in few.entries] == [f"f{n:04d}" for n in range(10, 15)], "start and limit")
        down = self.client.getfilelist(f"{self.root}/list 2500", sortdir=SortDir.descending, limit=2)
        self.saw([e.name for e in down.entries] == ["f2499", "f2498"], "the other way round")
        with self.refused("a folder that is not there", ValueError):
            self.client.getfilelist(f"{self.root}/none")

    def row_07(self) -> None:
        """What is known of one path."""
        (self.store / "One.txt").write_bytes(b"12345")
        info = self.client.fileinfo_no_retry(f"{self.root}/One.txt")
        self.saw((info.name, info.type, info.fullsize) == ("One.txt", EntryType.file, 5), info.size)
        self.saw(info.candownload and info.canupload and info.canrename and not info.locked, "its flags")
        folder = self.client.fileinfo_no_retry(f"{self.root}/a")
        self.saw(folder.type == EntryType.dir, "fileinfo of a folder")
        exists = self.client.fileexists_no_retry
        path = f"{self.root}/one.TXT"
        self.saw((exists(path), exists(path, caseinsensitive=True)) == (False, True), "fileexists by case")
        with self.refused("fileinfo of nothing", FileNotFoundError):
            self.client.fileinfo_no_retry(f"{self.root}/none")

    def row_08(self) -> None:
        """Downloads: one file, with and without redirect, and a folder."""
        mine = self.report.scratch / "mine"
        shutil.copytree(self.report.config["books"], mine, ignore=shutil.ignore_patterns("many"))
        for kind in ("current", "redirecting"):
            client, root = self.sign_in(kind), self.servers[kind]["root"]
            shutil.copytree(mine, Path(self.servers[kind]["store"]) / "tree")
            for redirect in (True, False):
                goal = self.report.scratch / "got"
                client.downloadfile_no_retry(f"{root}/tree/big.bin", goal, redirect=redirect)
                self.saw(digest(goal) == digest(mine / "big.bin"), f"{kind} server, redirect={redirect}")
            whole = self.report.scratch / f"whole {kind}"
            whole.mkdir()
            client.downloadfolder(f"{root}/tree", whole)
            self.report.folder(self.check, whole, mine)

    def row_09(self) -> None:
        """Deletes: a file, a folder with content, nothing."""
        (self.store / "gone").mkdir()
        (self.store / "gone/inside").write_bytes(b"x")
        (self.store / "gone.txt").write_bytes(b"x")
        self.client.deletefile(f"{self.root}/gone.txt")
        self.client.deletefile(f"{self.root}/gone")
        self.saw(not (self.store / "gone").exists() and not (self.store / "gone.txt").exists(), "file and folder")
        with self.refused("nothing"):
            self.client.deletefile(f"{self.root}/gone.txt")

    def row_10(self) -> None:
        """Renames, moves, copies; a target that is there."""
        (self.store / "from").mkdir()
        (self.store / "to").mkdir()
        for name in ("1", "2", "3"):
            (self.store / "from" / name).write_text(name)
        self.client.renamefile(f"{self.root}/from", "1", "one")
        self.client.movefile(f"{self.root}/from/2", f"{self.root}/to/two")
        self.client.copyfile(f"{self.root}/from/3", f"{self.root}/to/three")
        paths = [path for folder in ("from", "to") for path in (self.store / folder).iterdir()]
        found = {path.relative_to(self.store).as_posix(): path.read_text() for path in paths}
        wanted = {"from/one": "1", "to/two": "2", "from/3": "3", "to/three": "3"}
        self.saw(found == wanted, "rename, move, copy")
        with self.refused("move onto a file"):
            self.client.movefile(f"{self.root}/from/one", f"{self.root}/to/two")
        with self.refused("rename onto a file"):
            self.client.renamefile(f"{self.root}/from", "one", "3")
        self.client.movefile(f"{self.root}/from", f"{self.root}/to/from")
        self.saw((self.store / "to/from/one").read_text() == "1", "a folder with its content")

    def row_11(self) -> None:
        """Versions."""
        for number in range(5):
            self.client.upload_str("v" * number, f"{self.root}/versioned")
        sizes = [version.sizeinbytes for version in self.client.fileversions(self.root, "versioned")]
        self.saw(sizes == ["4", "3", "2", "1", "0"][: len(sizes)] and len(sizes) >= 4, f"{len(sizes)}, newest first")

    def row_12(self) -> None:
        """Locks."""
        path = f"{self.root}/text"
        before = self.client.getfilelockinfo(path).locked
        self.client.lock(path, relative_expiration=60)
        info = self.client.getfilelockinfo(path)
        self.client.unlock(path)
        after = self.client.getfilelockinfo(path).locked
        self.saw((before, info.locked, after) == (False, True, False), f"locked by {info.lockedby}, and free again")

    def row_13(self) -> None:
        """The change feed: create, change, delete."""
        folder = self.client.getsyncfolder(self.root)
        path = f"{self.root}/followed"
        self.client.upload_str("1", path)
        self.client.waitforsyncdeltaitem(folder, path, 1, False, 5)
        self.client.upload_str("12", path)
        self.client.waitforsyncdeltaitem(folder, path, 2, False, 5)
        self.client.deletefile(path)
        known = self.client.getsyncfolder(self.root).update_version
        items = self.client.getsyncdelta(folder)
        self.saw(any(i.fullpath == path and i.isdeleted for i in items), f"up to update {known}")

    def row_14(self) -> None:
        """Names through query, multipart and XML."""
        for name in NAMES:
            self.client.createfolder(f"{self.root}/{name}")
            self.client.upload_str(name, f"{self.root}/{name}/{name}")
            listed = [entry.name for entry in self.client.getfilelist(f"{self.root}/{name}").entries]
            got = self.report.scratch / "named"
            self.client.downloadfile_no_retry(f"{self.root}/{name}/{name}", got)
            whole = listed == [name] and got.read_text() == name == (self.store / name / name).read_text()
            self.saw(whole, repr(name))

    def row_15(self) -> None:
        """Thirty-two at once, each with a session of its own."""

        def one(number: int) -> bool:
            client, folder = self.sign_in("current"), f"{self.root}/thread {number}"
            client.createfolder(folder)
            text = f"{number}/" * 1000
            client.upload_str(text, f"{folder}/a")
            client.renamefile(folder, "a", "b")
            got = self.report.scratch / f"thread {number}"
            client.downloadfile_no_retry(f"{folder}/b", got)
            listed = [entry.name for entry in client.getfilelist(folder).entries]
            client.deletefile(folder)
            return got.read_text() == text and listed == ["b"]

        with ThreadPoolExecutor(32) as pool:
            good = list(pool.map(one, range(32)))
        left = sorted(p.name for p in self.store.glob("thread *"))
        self.saw(all(good) and not left, f"{sum(good)} of 32 without cross-talk")

    def row_16(self) -> None:
        """A legacy server, which answers no ETag: the client fails after the upload, as it is known to."""
        server = self.servers["legacy"]
        client = self.sign_in("legacy")
        with self.refused("upload without ETag", KeyError):
            client.upload_str("x", f"{server['root']}/a")
        self.saw((Path(server["store"]) / "a").read_bytes() == b"x", "what it sent is stored")

    def row_17(self) -> None:
        """A whole tree: every name of the library, its bytes and times."""
        mine = self.report.scratch / "mine"
        self.client.createfolder(f"{self.root}/books")
        for path in sorted(mine.rglob("*")):
            goal = f"{self.root}/books/{path.relative_to(mine).as_posix()}"
            if path.is_dir():
                self.client.createfolder(goal)
            else:
                when = datetime.datetime.fromtimestamp(path.stat().st_mtime, UTC)
                self.client.upload_file(path, goal, when)
        self.report.folder(self.check, self.store / "books", mine)
        stored = [path.stat().st_mtime for path in saying.files_below(self.store / "books")]
        wanted = [path.stat().st_mtime for path in saying.files_below(mine)]
        self.saw(sorted(stored) == sorted(wanted), f"{len(stored)} modification times as on disk")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    report = saying.Report()
    rows = Rows(report)
    steps: list[Callable[[], None]] = [getattr(rows, f"row_{number:02d}") for number in range(1, 18)]
    for number, step in enumerate(steps, start=1):
        rows.check = f"{number}. {(step.__doc__ or '').split(':')[0].split(',')[0].strip('. ')}"
        with report.trying(rows.check):
            step()


if __name__ == "__main__":
    main()
