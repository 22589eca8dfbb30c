"""Our client fulfils the same wishes as the vendor's, as far as they are ours at all."""

from __future__ import annotations

from collections.abc import Callable

from tests.conformance.golden.material import LISTINGS, NAMES, SIZES, TIMES, WHEN, content
from tests.conformance.golden.scene import Scene

from spfc.errors import SpfcError
from spfc.filecloud.client import FileCloudClient
from spfc.filecloud.paging import list_whole_folder
from spfc.filecloud.refusals import CallRefused
from spfc.filecloud.settings import MIB, FileCloudSettings
from spfc.targets.base import PutSpec
from spfc.targets.filecloud import FileCloudTarget

ROOT = "/spfc"
Wish = Callable[[FileCloudClient], object]

NOT_OURS = {
    "02 a folder with subpath": "what subpath means is unknown (FileCloud reference 9); we make one level at a time",
    "05 overwrite what is of this time": "which clock iflastmodified means is unknown (reference 7.1); we use etags",
    "06 list by size, downwards": "we read whole folders, always by name",
    "10 copy": "nothing is copied at the target: what we send comes from the source",
}
"""Wishes of the vendor's client that ours has not, and why."""


def _put(path: str, body: bytes, *, when: int = WHEN, absent: bool = False, etag: str | None = None) -> Wish:
    """Send a file as a transfer does: chunk by chunk, the last one apart."""

    def run(client: FileCloudClient) -> None:
        target = FileCloudTarget(client, ROOT)
        spec = PutSpec(path, len(body), when, expect_absent=absent, expect_etag=etag)
        for offset in range(0, max(1, len(body)), target.chunk_size):
            chunk = body[offset : offset + target.chunk_size]
            target.put_chunk(spec, offset, chunk, last=offset + len(chunk) == len(body))

    return run


def _this_version(client: FileCloudClient) -> None:
    standing = client.info(f"{ROOT}/there.txt")
    assert standing is not None and standing.etag is not None
    _put("/there.txt", b"new", etag=standing.etag)(client)


def _download(path: str) -> Wish:
    def run(client: FileCloudClient) -> None:
        with client.download(f"{ROOT}{path}") as opened:
            assert opened.read(100) == path.lstrip("/").encode()

    return run


def _download_folder(client: FileCloudClient, path: str = "/tree") -> None:
    for entry in list_whole_folder(client, f"{ROOT}{path}"):
        if entry.is_folder:
            _download_folder(client, f"{path}/{entry.name}")
        else:
            _download(f"{path}/{entry.name}")(client)


def _stat(name: str) -> Wish:
    return lambda client: client.info(f"{ROOT}/{name}")


WISHES: dict[str, Wish] = {
    "02 a folder": lambda c: c.create_folder(ROOT, "a"),
    "02 a folder in a folder": lambda c: c.create_folder(f"{ROOT}/tree", "b"),
    "02 a folder that is there": lambda c: c.create_folder(ROOT, "tree"),
    "03 no bytes": _put("/file.bin", b""),
    "03 a text": _put("/file.bin", b"text"),
    **{f"03 {size} bytes": _put("/file.bin", content(size)) for size in SIZES},
    **{f"04 {name}": _put("/file.txt", b"text", when=seconds) for name, seconds in TIMES.items()},
    "05 overwrite": _put("/there.txt", b"new"),
    "05 never overwrite": _put("/there.txt", b"new", absent=True),
    "05 overwrite this version": _this_version,
    "05 overwrite another version": _put("/there.txt", b"new", etag="0" * 32),
    **{f"06 list {count}": lambda c: list_whole_folder(c, f"{ROOT}/listed") for count in LISTINGS},
    "06 list a missing folder": lambda c: list_whole_folder(c, f"{ROOT}/missing"),
    "07 stat a file": _stat("there.txt"),
    "07 stat a folder": _stat("tree"),
    "07 stat nothing": _stat("missing"),
    "07 exists": lambda c: c.exists(f"{ROOT}/there.txt"),
    "07 exists not": lambda c: c.exists(f"{ROOT}/missing"),
    "07 exists in other case": lambda c: c.exists(f"{ROOT}/THERE.txt", ignore_case=True),
    "08 download": _download("/there.txt"),
    "08 download by redirect": _download("/there.txt"),
    "08 download a folder": _download_folder,
    "09 delete a file": lambda c: c.delete(ROOT, "there.txt"),
    "09 delete a folder": lambda c: c.delete(ROOT, "tree"),
    "09 delete nothing": lambda c: c.delete(ROOT, "missing"),
    "10 rename": lambda c: c.rename(ROOT, "there.txt", "new.txt"),
    "10 move a file": lambda c: c.move(f"{ROOT}/there.txt", f"{ROOT}/tree/new.txt"),
    "10 move a folder": lambda c: c.move(f"{ROOT}/tree", f"{ROOT}/wood"),
    "10 move onto something": lambda c: c.move(f"{ROOT}/there.txt", f"{ROOT}/tree/leaf.txt"),
    "11 versions": lambda c: c.versions(ROOT, "there.txt"),
    **{f"14 upload {name}": _put(f"/{name}", b"text") for name in NAMES},
    **{f"14 stat {name}": _stat(name) for name in NAMES},
}
REFUSED = {
    "01 wrong password", "01 second factor", "02 a folder that is there", "05 never overwrite",
    "05 overwrite another version", "06 list a missing folder", "09 delete nothing", "10 move onto something",
}  # fmt: skip
"""Wishes that end in an error of ours."""


def fulfil(scene: Scene) -> set[str]:
    """Put all wishes to the server of a scene; return those that it refused."""
    refused = set()

    def attempt(name: str, act: Wish, client: FileCloudClient) -> None:
        scene.recorder.begin(name)
        try:
            act(client)
        except (SpfcError, CallRefused):
            refused.add(name)

    def connect(word: str) -> FileCloudClient:
        settings = FileCloudSettings(scene.url, scene.simulator.account, word)
        assert settings.chunk_size == 20 * MIB
        return FileCloudClient(settings, sleep=lambda seconds: None)

    right = scene.simulator.password
    for name, word in {"01 log in": right, "01 wrong password": "wrong", "01 second factor": right}.items():
        client = connect(word)
        # The first call of a client logs in; only the login is the wish.
        attempt(name, lambda c: c._session.current(), client)
        scene.recorder.begin("")
        client.close()
    client = connect(right)
    scene.recorder.begin("")
    client.identity()
    for name, wish in WISHES.items():
        attempt(name, wish, client)
    scene.recorder.begin("")
    client.close()
    return refused
