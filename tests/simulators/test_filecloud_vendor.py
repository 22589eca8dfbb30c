"""The vendor's own client against the simulator (reference 17.1); skipped where it is not installed."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.simulators.filecloud_calls import NOW, SUMMER, simulator

from simulators.common import FixedClock
from simulators.filecloud import FileCloudKnobs, FileCloudSimulator

vendor = pytest.importorskip("filecloudapi.fcserver")


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[FileCloudSimulator]:
    with simulator(tmp_path, clock=FixedClock(NOW)) as running:
        yield running


@pytest.fixture
def client(sim: FileCloudSimulator) -> Iterator[Any]:
    server = vendor.FCServer(sim.url, None, sim.account, sim.password, withretries=False)
    yield server
    server.session.close()


def test_wrong_password(sim: FileCloudSimulator) -> None:
    with pytest.raises(Exception, match="Invalid Username or Password"):
        vendor.FCServer(sim.url, None, sim.account, "wrong", withretries=False)


def test_folders_and_uploads(sim: FileCloudSimulator, client: Any, tmp_path: Path) -> None:
    etag = client.createfolder("/spfc/a")
    assert etag
    with pytest.raises(Exception, match="exists"):
        client.createfolder("/spfc/a")
    for size in (0, 1, (20 << 20) - 1, 20 << 20, (20 << 20) + 1, 45 << 20):
        local = tmp_path / "local"
        local.write_bytes(b"\r\n--x" * (size // 5) + b"y" * (size % 5))
        etag = client.upload_file(local, "/spfc/a/big")
        assert (sim.store / "a/big").read_bytes() == local.read_bytes()
        assert client.fileinfo_no_retry("/spfc/a/big").etag == etag
    assert client.fileversions("/spfc/a", "big")[0].sizeinbytes == str(45 << 20)
    assert len(client.fileversions("/spfc/a", "big")) == 4


def test_times_overwrites_and_preconditions(sim: FileCloudSimulator, client: Any) -> None:
    when = datetime.datetime.fromtimestamp(SUMMER, datetime.UTC)
    etag = client.upload_str("one", "/spfc/a", when)
    assert (sim.store / "a").stat().st_mtime == SUMMER
    for condition in ({"nofileoverwrite": True}, {"ifetag": "0" * 32}):
        with pytest.raises(vendor.ServerError):
            client.upload_str("two", "/spfc/a", when, **condition)
    client.upload_str("two", "/spfc/a", when, ifetag=etag)
    assert (sim.store / "a").read_bytes() == b"two"


def test_listing_and_stat(sim: FileCloudSimulator, client: Any) -> None:
    for number in range(1001):
        (sim.store / f"f{number:04d}").write_bytes(b"x")
    listing = client.getfilelist("/spfc")
    assert (listing.total, len(listing.entries)) == (1001, 1000)
    assert [e.name for e in client.getfilelist("/spfc", start=1000).entries] == ["f1000"]
    with pytest.raises(ValueError, match=r"\w"):
        client.getfilelist("/spfc/none")
    with pytest.raises(FileNotFoundError):
        client.fileinfo_no_retry("/spfc/none")
    assert client.fileexists_no_retry("/spfc/f0001")
    assert not client.fileexists_no_retry("/spfc/F0001")
    assert client.fileexists_no_retry("/spfc/F0001", caseinsensitive=True)


@pytest.mark.parametrize("redirect", [True, False])
def test_download(sim: FileCloudSimulator, client: Any, tmp_path: Path, redirect: bool) -> None:
    sim.knobs = sim.knobs.but(s3_redirect=True)
    client.upload_bytes(b"z" * 3_000_000, "/spfc/a & b.bin")
    client.downloadfile_no_retry("/spfc/a & b.bin", tmp_path / "out", redirect=redirect)
    assert (tmp_path / "out").read_bytes() == b"z" * 3_000_000


def test_rename_delete_lock(sim: FileCloudSimulator, client: Any) -> None:
    client.createfolder("/spfc/d")
    client.upload_str("x", "/spfc/a")
    client.renamefile("/spfc", "a", "b")
    client.lock("/spfc/b", relative_expiration=60)
    assert client.getfilelockinfo("/spfc/b").locked
    client.unlock("/spfc/b")
    client.deletefile("/spfc/b")
    client.deletefile("/spfc/d")
    assert list(sim.store.iterdir()) == []


@pytest.mark.parametrize("name", ["é", "a#b", "a&b", "a+b", "a%b", "it's", 'a"b', "a b", "😀", "e\u0301", "!a"])
def test_names(sim: FileCloudSimulator, client: Any, name: str) -> None:
    client.createfolder(f"/spfc/{name}")
    client.upload_str("x", f"/spfc/{name}/{name}")
    assert [e.name for e in client.getfilelist(f"/spfc/{name}").entries] == [name]
    assert (sim.store / name / name).read_bytes() == b"x"


def test_a_legacy_server_fails_the_vendor_client_after_the_upload(sim: FileCloudSimulator, client: Any) -> None:
    sim.knobs = FileCloudKnobs.profile("legacy")
    with pytest.raises(KeyError):
        client.upload_str("x", "/spfc/a")
    assert (sim.store / "a").read_bytes() == b"x"
