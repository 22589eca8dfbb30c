"""The vendor's client fulfils every wish; runs in the vendor's environment: ``python vendor.py URL USER PASSWORD``."""

from __future__ import annotations

import datetime
import sys
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

from filecloudapi.datastructures import SortBy, SortDir
from filecloudapi.fcserver import FCServer

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from material import LISTINGS, NAMES, SIZES, TIMES, TWO_FACTOR_CODE, WHEN, content  # noqa: E402

ROOT = "/spfc"
NOW = datetime.datetime.fromtimestamp(WHEN, datetime.UTC)
Wish = Callable[[FCServer], object]


def upload_file(size: int) -> Wish:
    def run(client: FCServer) -> None:
        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder) / "local"
            local.write_bytes(content(size))
            client.upload_file(local, f"{ROOT}/file.bin", NOW)

    return run


def upload_at(seconds: int) -> Wish:
    moment = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=seconds)
    return lambda client: client.upload_str("text", f"{ROOT}/file.txt", moment)


def upload_named(name: str) -> Wish:
    return lambda client: client.upload_str("text", f"{ROOT}/{name}", NOW)


def whole_listing(path: str) -> Wish:
    def run(client: FCServer) -> None:
        start, total = 0, 1
        while start < total:
            page = client.getfilelist(path, start=start)
            total, start = page.total, start + max(1, len(page.entries))

    return run


def download(redirect: bool) -> Wish:
    def run(client: FCServer) -> None:
        with tempfile.TemporaryDirectory() as folder:
            client.downloadfile_no_retry(f"{ROOT}/there.txt", Path(folder) / "x", redirect=redirect)

    return run


def download_folder(client: FCServer) -> None:
    with tempfile.TemporaryDirectory() as folder:
        client.downloadfolder(f"{ROOT}/tree", folder)


def right_etag(client: FCServer) -> None:
    etag = client.fileinfo_no_retry(f"{ROOT}/there.txt").etag
    client.upload_str("new", f"{ROOT}/there.txt", NOW, ifetag=etag)


WISHES: dict[str, Wish] = {
    "02 a folder": lambda c: c.createfolder(f"{ROOT}/a"),
    "02 a folder in a folder": lambda c: c.createfolder(f"{ROOT}/tree/b"),
    "02 a folder that is there": lambda c: c.createfolder(f"{ROOT}/tree"),
    "02 a folder with subpath": lambda c: c.createfolder(f"{ROOT}/a", subpath="b/c"),
    "03 no bytes": lambda c: c.upload_bytes(b"", f"{ROOT}/file.bin", NOW),
    "03 a text": lambda c: c.upload_str("text", f"{ROOT}/file.bin", NOW),
    **{f"03 {size} bytes": upload_file(size) for size in SIZES},
    **{f"04 {name}": upload_at(seconds) for name, seconds in TIMES.items()},
    "05 overwrite": lambda c: c.upload_str("new", f"{ROOT}/there.txt", NOW),
    "05 never overwrite": lambda c: c.upload_str("new", f"{ROOT}/there.txt", NOW, nofileoverwrite=True),
    "05 overwrite this version": right_etag,
    "05 overwrite another version": lambda c: c.upload_str("new", f"{ROOT}/there.txt", NOW, ifetag="0" * 32),
    "05 overwrite what is of this time": lambda c: c.upload_str("n", f"{ROOT}/there.txt", NOW, iflastmodified=NOW),
    **{f"06 list {count}": whole_listing(f"{ROOT}/listed") for count in LISTINGS},
    "06 list a missing folder": lambda c: c.getfilelist(f"{ROOT}/missing"),
    "06 list by size, downwards": lambda c: c.getfilelist(ROOT, SortDir.descending, sortby=SortBy.SIZE),
    "07 stat a file": lambda c: c.fileinfo_no_retry(f"{ROOT}/there.txt"),
    "07 stat a folder": lambda c: c.fileinfo_no_retry(f"{ROOT}/tree"),
    "07 stat nothing": lambda c: c.fileinfo_no_retry(f"{ROOT}/missing"),
    "07 exists": lambda c: c.fileexists_no_retry(f"{ROOT}/there.txt"),
    "07 exists not": lambda c: c.fileexists_no_retry(f"{ROOT}/missing"),
    "07 exists in other case": lambda c: c.fileexists_no_retry(f"{ROOT}/THERE.txt", caseinsensitive=True),
    "08 download": download(False),
    "08 download by redirect": download(True),
    "08 download a folder": download_folder,
    "09 delete a file": lambda c: c.deletefile(f"{ROOT}/there.txt"),
    "09 delete a folder": lambda c: c.deletefile(f"{ROOT}/tree"),
    "09 delete nothing": lambda c: c.deletefile(f"{ROOT}/missing"),
    "10 rename": lambda c: c.renamefile(ROOT, "there.txt", "new.txt"),
    "10 move a file": lambda c: c.movefile(f"{ROOT}/there.txt", f"{ROOT}/tree/new.txt"),
    "10 move a folder": lambda c: c.movefile(f"{ROOT}/tree", f"{ROOT}/wood"),
    "10 move onto something": lambda c: c.movefile(f"{ROOT}/there.txt", f"{ROOT}/tree/leaf.txt"),
    "10 copy": lambda c: c.copyfile(f"{ROOT}/there.txt", f"{ROOT}/tree/new.txt"),
    "11 versions": lambda c: c.fileversions(ROOT, "there.txt"),
    **{f"14 upload {name}": upload_named(name) for name in NAMES},
    **{f"14 stat {name}": (lambda c, n=name: c.fileinfo_no_retry(f"{ROOT}/{n}")) for name in NAMES},
}


def main() -> None:
    """Fulfil all wishes, telling the stage before each which one it is; a refusal is an answer like any other."""
    url, user, password = sys.argv[1:]

    def begin(wish: str) -> None:
        urllib.request.urlopen(f"{url}/_wish/?{urllib.parse.urlencode({'name': wish})}").close()

    def connect(word: str) -> FCServer:
        return FCServer(url, None, user, word, withretries=False, twofakeyfun=lambda: TWO_FACTOR_CODE)

    for name, word in {"01 log in": password, "01 wrong password": "wrong", "01 second factor": password}.items():
        begin(name)
        attempt(name, lambda word=word: connect(word).session.close())
    begin("")
    client = connect(password)
    for name, wish in WISHES.items():
        begin(name)
        attempt(name, lambda wish=wish: wish(client))
    client.session.close()


def attempt(name: str, act: Callable[[], object]) -> None:
    """Do it, and say on standard output how it ended."""
    try:
        act()
    except Exception as error:  # noqa: BLE001 - the vendor's refusals have no common class
        print(f"{name}: {type(error).__name__}: {error}")
    else:
        print(f"{name}: done")


if __name__ == "__main__":
    main()
