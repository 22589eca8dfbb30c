"""What is S3's own: parts, conditions, labels, bulk requests, and what its refusals mean."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import moto.s3.models
import pytest
import s3fs
from botocore.exceptions import ClientError, EndpointConnectionError
from tests.targets.contract import NOON, WINTER, listed, noise, put
from tests.targets.storage.s3_world import ACCESS, BUCKET, SECRET, S3World, s3_world
from tests.targets.storage.shelf import assert_carried

from spfc.errors import (
    AuthenticationRefused,
    Disposition,
    ItemChanged,
    ItemError,
    NameRefused,
    PermissionMissing,
    PlaceNotFound,
    QuotaFull,
    ServiceBusy,
    SpfcError,
    TargetChanged,
    TargetExists,
    Unreachable,
)
from spfc.planning.model import Kind
from spfc.targets.base import PutSpec
from spfc.targets.storage import s3
from spfc.targets.storage.object_store import ObjectStoreTarget
from spfc.targets.storage.object_uploads import WORTH_KEEPING
from spfc.targets.storage.s3 import S3Store

CHUNK = 1024


@pytest.fixture(scope="module")
def server() -> Iterator[S3World]:
    with s3_world() as world:
        yield world


@pytest.fixture
def world(server: S3World) -> S3World:
    server.clear()
    return server


@pytest.fixture
def target(world: S3World) -> Iterator[ObjectStoreTarget]:
    made = world.target(chunk_size=CHUNK)
    made.make_folder("/")
    yield made
    made.close()


def cost(target: ObjectStoreTarget, work: Callable[[], object]) -> int:
    before = target.calls
    work()
    return target.calls - before


# -- labels ------------------------------------------------------------------------------------------


def test_times_are_where_other_tools_look_for_them(target: ObjectStoreTarget, world: S3World) -> None:
    put(target, "/x.txt", b"1", modified=WINTER)
    found = world.fs.call_s3("head_object", Bucket=BUCKET, Key="mirror/x.txt")
    assert found["Metadata"]["mtime"] == str(WINTER)
    for text, expected in [("1700000000.987654321", 1_700_000_000), ("yesterday", None), ("", None), ("nan", None)]:
        world.fs.call_s3("put_object", Bucket=BUCKET, Key="mirror/y.txt", Body=b"1", Metadata={"mtime": text})
        entry = target.stat("/y.txt")
        assert entry is not None
        assert entry.modified == expected
    assert listed(target, "/")["x.txt"].modified is None


def test_a_moved_file_keeps_its_time_and_what_it_is(target: ObjectStoreTarget, world: S3World) -> None:
    world.fs.call_s3(
        "put_object", Bucket=BUCKET, Key="mirror/x.txt", Body=b"1", ContentType="text/plain",
        Metadata={"mtime": str(WINTER), "owner": "somebody"},
    )  # fmt: skip
    target.move("/x.txt", "/y.txt")
    found = world.fs.call_s3("head_object", Bucket=BUCKET, Key="mirror/y.txt")
    assert found["ContentType"] == "text/plain"
    assert (found["Metadata"]["mtime"], found["Metadata"]["owner"]) == (str(WINTER), "somebody")


@pytest.mark.parametrize("item", ["/a", "/a/x.bin"])
def test_what_is_too_large_for_one_copy_is_copied_in_parts(
    target: ObjectStoreTarget, world: S3World, monkeypatch: pytest.MonkeyPatch, item: str
) -> None:
    monkeypatch.setattr(s3, "LARGEST_COPY", 1000)
    monkeypatch.setattr(s3, "COPY_PART", 500)
    target.make_folder("/a")
    put(target, "/a/x.bin", noise(1700), modified=WINTER)
    target.move(item, "/b" if item == "/a" else "/y.bin")
    path = "/b/x.bin" if item == "/a" else "/y.bin"
    assert world.read(f"mirror{path}") == noise(1700)
    found = target.stat(path)
    assert found is not None
    assert found.modified == WINTER
    assert world.uploads() == []


# -- costs -------------------------------------------------------------------------------------------


def test_what_things_cost(target: ObjectStoreTarget) -> None:
    assert cost(target, lambda: target.make_folder("/a")) == 2
    assert cost(target, lambda: put(target, "/a/x.txt", b"1", expect_absent=True)) == 2
    assert cost(target, lambda: put(target, "/a/y.txt", b"1", expect_absent=True)) == 2
    assert cost(target, lambda: target.stat("/a/x.txt")) == 1
    assert cost(target, lambda: target.open("/a/x.txt", size=1).read(10)) == 1
    assert cost(target, lambda: target.list_folder("/a")) == 1
    assert cost(target, lambda: target.remove("/a/x.txt", Kind.FILE)) == 1
    assert cost(target, lambda: target.stat("/a/x.txt")) == 2
    assert target.refusals == 0


def test_thousands_of_objects_go_with_few_requests(target: ObjectStoreTarget) -> None:
    (account,) = moto.s3.models.s3_backends.values()
    for number in range(1100):
        account["aws"].put_object(BUCKET, f"mirror/a/{number:04}", b"x")
    assert len(listed(target, "/a")) == 1100
    assert cost(target, lambda: target.remove("/a", Kind.FOLDER)) <= 6
    assert target.list_folder("/a") is None


# -- uploads -----------------------------------------------------------------------------------------


def begin(target: ObjectStoreTarget, content: bytes, chunks: int, path: str = "/x.bin") -> PutSpec:
    spec = PutSpec(path, len(content), NOON)
    for number in range(chunks):
        target.put_chunk(spec, number * CHUNK, content[number * CHUNK : (number + 1) * CHUNK], last=False)
    return spec


def test_another_process_goes_on_with_an_upload(target: ObjectStoreTarget, world: S3World) -> None:
    content = noise((WORTH_KEEPING + 1) * CHUNK + 5)
    spec = begin(target, content, 4)
    target.close()
    other = world.target(chunk_size=CHUNK)
    for offset in range(3 * CHUNK, len(content), CHUNK):  # its last chunk was not noted any more
        last = offset + CHUNK >= len(content)
        entry = other.put_chunk(spec, offset, content[offset : offset + CHUNK], last=last)
    assert entry is not None
    assert world.read("mirror/x.bin") == content
    seen = other.stat("/x.bin")
    assert seen is not None
    assert (seen.modified, seen.etag) == (NOON, entry.etag)
    assert world.uploads() == []


def test_an_upload_that_lies_otherwise_is_not_gone_on_with(target: ObjectStoreTarget, world: S3World) -> None:
    content = noise(6 * CHUNK)
    spec = begin(target, content, 2)
    target.close()
    for chunk_size, offset in ((CHUNK, 3 * CHUNK), (2 * CHUNK, 2 * CHUNK)):
        with pytest.raises(ServiceBusy) as caught:
            world.target(chunk_size=chunk_size).put_chunk(spec, offset, content[offset : offset + 10], last=False)
        assert caught.value.disposition is Disposition.RETRY


def test_what_is_left_of_small_uploads_is_thrown_away(target: ObjectStoreTarget, world: S3World) -> None:
    begin(target, noise(2 * CHUNK), 1, "/small.bin")
    begin(target, noise((WORTH_KEEPING + 1) * CHUNK), 1, "/big.bin")
    target.close()
    assert [each["Key"] for each in world.uploads()] == ["mirror/big.bin"]
    begin(world.target(chunk_size=CHUNK), noise((WORTH_KEEPING + 1) * CHUNK), 1, "/big.bin")
    assert len(world.uploads()) == 1, "beginning again throws away what was left"


def test_a_file_of_too_many_parts_says_which_setting_helps(
    target: ObjectStoreTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ItemError) as caught:
        target.put_chunk(PutSpec("/x.bin", 10_000 * CHUNK + 1, NOON), 0, noise(CHUNK), last=False)
    assert "10001" in caught.value.message
    assert "chunk_mib" in caught.value.hint
    content = noise(CHUNK * 3)
    monkeypatch.setattr(S3Store, "most_parts", 3)
    put(target, "/y.bin", content)


@pytest.mark.parametrize("size", [10, 3 * CHUNK])
def test_the_server_itself_refuses_to_replace(target: ObjectStoreTarget, world: S3World, size: int) -> None:
    """Somebody writes between our look and our write."""
    other = world.target(chunk_size=CHUNK)
    real = target._folders.look

    def look_and_lose(key: str) -> Any:
        found = real(key)
        put(other, "/x.bin", b"theirs")
        return found

    target._folders.look = look_and_lose  # type: ignore[method-assign]
    with pytest.raises(TargetExists):
        put(target, "/x.bin", noise(size), expect_absent=True)
    ours = other.stat("/x.bin")
    assert ours is not None
    with pytest.raises(TargetChanged):
        put(target, "/x.bin", noise(size), expect_etag="0" * 32)
    assert world.read("mirror/x.bin") == b"theirs"


def break_calls(monkeypatch: pytest.MonkeyPatch, world: S3World, method: str, error: Exception, after: bool) -> None:
    """Let the next call of a kind fail, once; with ``after`` it has taken effect."""
    real, left = world.fs.call_s3, [1]

    def call(name: str, **fields: Any) -> Any:
        if name != method or not left:
            return real(name, **fields)
        left.clear()
        if after:
            real(name, **fields)
        raise error

    monkeypatch.setattr(world.fs, "call_s3", call)


LOST = EndpointConnectionError(endpoint_url="http://somewhere")


@pytest.mark.parametrize(("size", "method"), [(10, "put_object"), (3 * CHUNK, "complete_multipart_upload")])
def test_a_lost_answer_is_settled_by_looking(
    target: ObjectStoreTarget, world: S3World, monkeypatch: pytest.MonkeyPatch, size: int, method: str
) -> None:
    break_calls(monkeypatch, world, method, LOST, after=True)
    entry = put(target, "/x.bin", noise(size), expect_absent=True)
    assert world.read("mirror/x.bin") == noise(size)
    assert entry == target.stat("/x.bin")
    break_calls(monkeypatch, world, method, LOST, after=False)
    with pytest.raises(Unreachable):
        put(target, "/x.bin", noise(size, 3))
    assert world.read("mirror/x.bin") == noise(size)


def test_a_server_without_conditional_writes_is_coped_with(
    target: ObjectStoreTarget, world: S3World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, refused = world.fs.call_s3, []

    def call(name: str, **fields: Any) -> Any:
        if "IfNoneMatch" in fields or ("IfMatch" in fields and name != "get_object"):
            refused.append(name)
            raise OSError("x") from ClientError({"Error": {"Code": "NotImplemented", "Message": "a header"}}, name)
        return real(name, **fields)

    monkeypatch.setattr(world.fs, "call_s3", call)
    first = put(target, "/x.txt", b"1", expect_absent=True)
    put(target, "/x.txt", b"2", expect_etag=first.etag)
    with pytest.raises(TargetExists):
        put(target, "/x.txt", b"3", expect_absent=True)
    assert refused == ["put_object"], "it is asked for once"


# -- reading -----------------------------------------------------------------------------------------


def test_a_file_that_changes_while_it_is_read_is_found_out(target: ObjectStoreTarget) -> None:
    put(target, "/x.bin", noise(3 * CHUNK, 1))
    stream = target.open("/x.bin", size=3 * CHUNK)
    stream.read(CHUNK)
    put(target, "/x.bin", noise(3 * CHUNK, 2))
    with pytest.raises(ItemChanged):
        stream.read(CHUNK)


def test_a_file_is_carried_beside(target: ObjectStoreTarget, world: S3World) -> None:
    assert_carried(target, f"/{BUCKET}/kept/2026-11-21")
    assert [key for key in world.names() if key.endswith(".bin")] == [
        "kept/2026-11-21/x (2).bin", "kept/2026-11-21/x.bin",
    ]  # fmt: skip


def test_a_whole_bucket_may_be_the_target_and_another_the_quarantine(world: S3World) -> None:
    world.fs.call_s3("create_bucket", Bucket="kept")
    target = world.target(f"/{BUCKET}", chunk_size=CHUNK)
    target.make_folder("/")
    target.make_folder("/a")
    put(target, "/a/x.txt", b"1")
    with pytest.raises(ValueError, match="root"):
        target.retire("/a", Kind.FOLDER, f"/{BUCKET}/kept/a")
    assert target.retire("/a", Kind.FOLDER, "/kept/day/a") == "/kept/day/a"
    assert world.names() == []
    vault = target.beside("/kept/day")
    assert list(listed(vault, "/a")) == ["x.txt"]


# -- trouble -----------------------------------------------------------------------------------------


def test_a_bucket_that_is_not_there_is_not_an_empty_one(world: S3World) -> None:
    target = world.target("/no-such-bucket/mirror")
    for change in (
        lambda: target.list_folder("/"),
        lambda: target.stat("/"),
        lambda: target.stat("/x"),
        lambda: target.make_folder("/"),
        lambda: target.make_folder("/a"),
        lambda: put(target, "/x.txt", b"1"),
        lambda: target.remove("/a", Kind.FOLDER),
        lambda: target.remove("/x", Kind.FILE),
        lambda: target.move("/a", "/b"),
        lambda: target.retire("/a", Kind.FOLDER, "/no-such-bucket/kept/a"),
    ):
        with pytest.raises(PlaceNotFound) as caught:
            change()
        assert caught.value.hint


class Refusing(ThreadingHTTPServer):
    """Answers every request in one way."""

    def __init__(self, status: int, code: str, cut: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.status, self.cut = status, cut
        words = f"secret {SECRET} in words? X-Amz-Signature=1" if code == "SignatureDoesNotMatch" else "words"
        self.body = f"<Error><Code>{code}</Code><Message>{words}</Message></Error>".encode()

    def __enter__(self) -> Refusing:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Answer(BaseHTTPRequestHandler):
    server: Refusing

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body) + 100 * self.server.cut))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(self.server.body)
        self.close_connection = True

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer  # noqa: N815 - the names that the base class calls

    def log_message(self, *_: object) -> None: ...


def at(url: str, sleep: Callable[[float], None] = time.sleep, **fields: Any) -> ObjectStoreTarget:
    values = {"key": ACCESS, "secret": SECRET, "endpoint_url": url, **fields}
    config = {"retries": {"max_attempts": 0}, "connect_timeout": 2, "read_timeout": 2}
    fs = s3fs.S3FileSystem(
        **values, client_kwargs={"region_name": "us-east-1"}, config_kwargs=config, skip_instance_cache=True
    )
    fs.retries = 1
    return ObjectStoreTarget(S3Store(fs, sleep=sleep), f"/{BUCKET}/mirror", chunk_size=CHUNK)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (404, "NoSuchBucket", PlaceNotFound), (403, "AccessDenied", PermissionMissing),
        (403, "InvalidAccessKeyId", AuthenticationRefused), (403, "SignatureDoesNotMatch", AuthenticationRefused),
        (400, "ExpiredToken", AuthenticationRefused), (503, "SlowDown", ServiceBusy),
        (503, "ServiceUnavailable", ServiceBusy), (500, "InternalError", ServiceBusy),
        (400, "KeyTooLongError", NameRefused), (507, "XMinioStorageFull", QuotaFull), (400, "Whatever", ItemError),
    ],
)  # fmt: skip
def test_what_refusals_mean(status: int, code: str, expected: type[SpfcError]) -> None:
    with Refusing(status, code) as server:
        slept: list[float] = []
        target = at(f"http://127.0.0.1:{server.server_port}", slept.append)
        for call in (lambda: target.list_folder("/a"), lambda: put(target, "/x.txt", b"1")):
            with pytest.raises(expected) as caught:
                call()
            assert code in caught.value.message
            _tells_no_secret(caught.value)
        tries = 5 if code == "SlowDown" else 1
        assert target.calls == 2 * tries
        assert target.refusals == (2 * tries if status == 503 else 0)
        assert len(slept) == 2 * (tries - 1)


def _tells_no_secret(error: SpfcError) -> None:
    assert SECRET not in str(error)
    assert ACCESS not in str(error)
    assert "Signature=" not in str(error)
    assert error.__suppress_context__, "what botocore says stays out of the log"


def test_bytes_that_break_off_may_be_asked_for_again() -> None:
    with Refusing(206, "x", cut=True) as server:
        target = at(f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(ServiceBusy) as caught:
            target.open("/x.bin", size=50)
        assert caught.value.disposition is Disposition.RETRY


def test_a_server_that_is_not_there_is_named() -> None:
    with Refusing(200, "x") as server:
        url = f"http://127.0.0.1:{server.server_port}"
    target = at(url)
    with pytest.raises(Unreachable) as caught:
        target.list_folder("/")
    assert caught.value.hint
    assert target.refusals == 1


def test_missing_credentials_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    with pytest.raises(AuthenticationRefused):
        at("http://127.0.0.1:9", key=None, secret=None).list_folder("/")
