"""A place and an Airflow connection become a target that works, or a sentence that says what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from airflow.sdk.io import store as airflow_stores
from tests.targets.contract import NOON, put
from tests.targets.storage.azure_world import ACCOUNT, CONTAINER, KEY, azure_world
from tests.targets.storage.s3_world import ACCESS, BUCKET, SECRET, s3_world

from spfc.errors import AuthenticationRefused, ConnectionInvalid, PermissionMissing, SpfcError
from spfc.hooks.storage import storage_target
from spfc.targets.storage.azure import AzureStore
from spfc.targets.storage.local import LocalFolderTarget
from spfc.targets.storage.object_store import ObjectStoreTarget


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_stores, "_STORE_CACHE", {})


def test_a_path_is_a_local_folder(tmp_path: Path) -> None:
    target = storage_target("file", f"{tmp_path}/mirror", chunk_size=1024)
    assert isinstance(target, LocalFolderTarget)
    assert (target.root, target.chunk_size, target.calls) == (f"{tmp_path}/mirror", 1024, 0)


def test_s3_by_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_world() as world:
        extra = {"endpoint_url": world.url, "region_name": "us-east-1"}
        fields = {"conn_type": "aws", "login": ACCESS, "password": SECRET, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_STORE", json.dumps(fields))
        target = storage_target("s3", f"/{BUCKET}/mirror", "store")
        assert target.calls == 0
        target.make_folder("/")
        put(target, "/x.txt", b"1")
        found = target.stat("/x.txt")
        assert found is not None
        assert found.modified == NOON
        assert world.read("mirror/x.txt") == b"1"
        assert target.calls > 2
        target.close()


def test_azure_by_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    with azure_world() as world:
        text = f"AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={world.url}/{ACCOUNT}"
        fields = {"conn_type": "wasb", "extra": {"connection_string": text}}
        monkeypatch.setenv("AIRFLOW_CONN_STORE", json.dumps(fields))
        target = storage_target("abfs", f"/{CONTAINER}/mirror", "store")
        assert target.calls == 0
        target.make_folder("/")
        put(target, "/x.txt", b"1")
        assert world.read("mirror/x.txt") == b"1"
        assert target.calls > 2
        target.close()


@pytest.mark.parametrize("service", ["s3", "abfs"])
def test_a_missing_connection_is_named_and_not_taken_for_an_empty_one(service: str) -> None:
    with pytest.raises(ConnectionInvalid, match="'nowhere'") as caught:
        storage_target(service, "/bucket/prefix", "nowhere")
    assert "AIRFLOW_CONN_NOWHERE" in caught.value.hint


def test_a_connection_that_does_not_fit_is_named_without_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "AccountName=a;AccountKey=planted-secret;BlobEndpoint=nonsense"
    monkeypatch.setenv("AIRFLOW_CONN_STORE", json.dumps({"conn_type": "wasb", "extra": {"connection_string": text}}))
    with pytest.raises(SpfcError) as caught:
        storage_target("abfs", "/container/x", "store").make_folder("/")
    assert "planted" not in f"{caught.value}{caught.value.__cause__}"


def test_a_wrong_key_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with azure_world() as world:
        target = ObjectStoreTarget(AzureStore(world.connect(key="AAAA" + KEY[4:])), f"/{CONTAINER}/x")
        with pytest.raises((AuthenticationRefused, PermissionMissing)) as caught:  # Azurite says the latter
            target.make_folder("/")
        assert KEY[4:] not in str(caught.value)
        assert caught.value.__suppress_context__
