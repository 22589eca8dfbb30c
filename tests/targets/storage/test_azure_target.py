"""What is Azure's own: blocks, labels, folders by metadata, and what its refusals mean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from azure.core import exceptions as azure
from fsspec.asyn import sync
from tests.targets.contract import NOON, WINTER, listed, noise, put
from tests.targets.storage.azure_world import CONTAINER, AzureWorld, azure_world
from tests.targets.storage.shelf import assert_carried

from spfc.errors import (
    AuthenticationRefused,
    Disposition,
    ItemChanged,
    ItemError,
    NameRefused,
    PermissionMissing,
    PlaceNotFound,
    ServiceBusy,
    SpfcError,
    TargetExists,
    TargetLocked,
    Unreachable,
)
from spfc.planning.model import Kind
from spfc.targets.base import PutSpec
from spfc.targets.storage.azure_errors import explain
from spfc.targets.storage.object_store import ObjectStoreTarget

CHUNK = 1024


@pytest.fixture(scope="module")
def server() -> Iterator[AzureWorld]:
    with azure_world() as world:
        yield world


@pytest.fixture
def world(server: AzureWorld) -> AzureWorld:
    server.clear()
    return server


@pytest.fixture
def target(world: AzureWorld) -> ObjectStoreTarget:
    made = world.target(chunk_size=CHUNK)
    made.make_folder("/")
    return made


def blob(world: AzureWorld, name: str) -> Any:
    return world.fs.service_client.get_blob_client(CONTAINER, name)


def properties(world: AzureWorld, name: str) -> Any:
    async def fetch() -> Any:
        return await blob(world, name).get_blob_properties()

    return sync(world.fs.loop, fetch)


def test_times_are_where_other_tools_look_for_them(target: ObjectStoreTarget, world: AzureWorld) -> None:
    put(target, "/x.txt", b"1", modified=WINTER)
    assert properties(world, "mirror/x.txt").metadata["mtime"] == "2024-01-01T12:00:00Z"
    assert listed(target, "/")["x.txt"].modified == WINTER

    async def write() -> None:
        await blob(world, "mirror/y.txt").upload_blob(b"1", metadata={"mtime": "2024-01-01T13:00:00.987654321+01:00"})

    sync(world.fs.loop, write)
    assert listed(target, "/")["y.txt"].modified == WINTER


def test_a_folder_is_one_for_other_tools_too(target: ObjectStoreTarget, world: AzureWorld) -> None:
    target.make_folder("/a")
    assert properties(world, "mirror/a").metadata["hdi_isfolder"] == "true"
    assert world.fs.isdir(f"{CONTAINER}/mirror/a")
    assert target.list_folder("/a") == []
    with pytest.raises(TargetExists):
        put(target, "/a", b"1")
    target.move("/a", "/b")
    assert [entry.kind for entry in target.list_folder("/") or ()] == [Kind.FOLDER]
    target.remove("/b", Kind.FOLDER)
    assert world.names() == ["mirror"]


def test_another_process_goes_on_with_an_upload(target: ObjectStoreTarget, world: AzureWorld) -> None:
    content = noise(3 * CHUNK + 5)
    spec = PutSpec("/x.bin", len(content), NOON)
    for number in range(2):
        target.put_chunk(spec, number * CHUNK, content[number * CHUNK : (number + 1) * CHUNK], last=False)
    target.close()
    other = world.target(chunk_size=CHUNK)
    with pytest.raises(ServiceBusy) as caught:
        other.put_chunk(spec, 3 * CHUNK, content[3 * CHUNK :], last=True)
    assert caught.value.disposition is Disposition.RETRY
    other.put_chunk(spec, 2 * CHUNK, content[2 * CHUNK : 3 * CHUNK], last=False)
    entry = other.put_chunk(spec, 3 * CHUNK, content[3 * CHUNK :], last=True)
    assert world.read("mirror/x.bin") == content
    assert entry == other.stat("/x.bin")


def test_a_moved_file_keeps_its_time_and_what_it_is(target: ObjectStoreTarget, world: AzureWorld) -> None:
    async def write() -> None:
        metadata = {"mtime": "2024-01-01T12:00:00Z", "owner": "somebody"}
        await blob(world, "mirror/x.txt").upload_blob(b"1", metadata=metadata)

    sync(world.fs.loop, write)
    target.move("/x.txt", "/y.txt")
    assert properties(world, "mirror/y.txt").metadata["owner"] == "somebody"
    assert listed(target, "/")["y.txt"].modified == WINTER


def test_a_file_that_changes_while_it_is_read_is_found_out(target: ObjectStoreTarget) -> None:
    put(target, "/x.bin", noise(3 * CHUNK, 1))
    stream = target.open("/x.bin", size=3 * CHUNK)
    stream.read(CHUNK)
    put(target, "/x.bin", noise(3 * CHUNK, 2))
    with pytest.raises(ItemChanged):
        stream.read(CHUNK)


def test_a_file_is_carried_beside(target: ObjectStoreTarget) -> None:
    assert_carried(target, f"/{CONTAINER}/kept/2026-11-21")


def test_a_container_that_is_not_there_is_not_an_empty_one(world: AzureWorld) -> None:
    target = world.target("/no-such-container/mirror")
    for change in (
        lambda: target.list_folder("/"),
        lambda: target.stat("/"),
        lambda: target.make_folder("/"),
        lambda: put(target, "/x.txt", b"1"),
        lambda: target.remove("/a", Kind.FOLDER),
        lambda: target.remove("/x", Kind.FILE),
        lambda: target.move("/a", "/b"),
    ):
        with pytest.raises(PlaceNotFound) as caught:
            change()
        assert caught.value.hint


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (403, "AuthenticationFailed", AuthenticationRefused),
        (401, "NoAuthenticationInformation", AuthenticationRefused),
        (403, "AuthorizationPermissionMismatch", PermissionMissing), (404, "ContainerNotFound", PlaceNotFound),
        (503, "ServerBusy", ServiceBusy), (429, "TooManyRequests", ServiceBusy), (500, "InternalError", ServiceBusy),
        (412, "LeaseIdMissing", TargetLocked), (400, "InvalidBlockList", ServiceBusy), (400, "InvalidUri", NameRefused),
        (413, "RequestBodyTooLarge", ItemError), (400, "Whatever", ItemError),
    ],
)  # fmt: skip
def test_what_refusals_mean(status: int, code: str, expected: type[SpfcError]) -> None:
    refusal = azure.HttpResponseError("MAC signature planted-secret, string to sign: planted")
    refusal.status_code, refusal.error_code = status, code
    error = explain(refusal, "/x")
    assert type(error) is expected
    assert code in error.message or expected is ServiceBusy
    assert "planted" not in str(error)


def test_a_server_that_is_not_there_is_named() -> None:
    assert isinstance(explain(azure.ServiceRequestError("https://a/?sig=planted"), "/x"), Unreachable)
    assert "planted" not in str(explain(azure.ServiceRequestError("https://a/?sig=planted"), "/x"))
    assert isinstance(explain(azure.ServiceResponseError("cut"), "/x"), ServiceBusy)
    assert isinstance(explain(azure.ClientAuthenticationError("planted"), "/x"), AuthenticationRefused)
