from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.targets.world import PASSWORD, world

from simulators.filecloud import FileCloudKnobs
from spfc.errors import ConnectionInvalid
from spfc.filecloud import DateStyle, EntryTypes
from spfc.hooks.filecloud import FileCloudHook, settings_of
from spfc.hooks.provider_info import get_provider_info


def connection(**fields: Any) -> Any:
    from airflow.sdk import Connection

    extra = fields.pop("extra", {})
    values = {
        "conn_id": "fc",
        "conn_type": "filecloud",
        "host": "files.test",
        "login": "u",
        "password": "p",
        **fields,
    }
    return Connection(**values, extra=json.dumps(extra))


def hook(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> FileCloudHook:
    made = connection(**fields)
    names = ("conn_type", "host", "schema", "port", "login", "password", "extra")
    values = {name: getattr(made, name) for name in names if getattr(made, name) is not None}
    monkeypatch.setenv("AIRFLOW_CONN_FC", json.dumps(values))
    return FileCloudHook("fc")


def at(simulator: Any) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": simulator.port, "login": "spfc", "password": PASSWORD}


def test_a_bare_connection_means_https() -> None:
    settings = settings_of(connection())
    assert (settings.base_url, settings.user, settings.password) == ("https://files.test", "u", "p")
    assert (settings.trust, settings.chunk_size, settings.date_style) == (True, 20 << 20, DateStyle.ISO_Z)


def test_every_field_arrives() -> None:
    settings = settings_of(
        connection(
            schema="http",
            port=8080,
            extra={
                "path_prefix": "/proxy/fc/", "ca_file": "ca.pem", "verify": "true", "browser_compat": True,
                "chunk_mib": "5", "date_style": "naive_server", "server_tz": "America/Chicago",
                "entry_types": "legacy",
            },
        )
    )  # fmt: skip
    assert settings.base_url == "http://files.test:8080/proxy/fc"
    assert (settings.trust, settings.browser_compat, settings.chunk_size) == ("ca.pem", True, 5 << 20)
    assert (settings.date_style, settings.server_tz) == (DateStyle.NAIVE_SERVER, "America/Chicago")
    assert settings.entry_types is EntryTypes.LEGACY
    assert settings_of(connection(extra={"verify": False, "ca_file": None, "chunk_mib": ""})).trust is False


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"host": None}, "host"),
        ({"login": None}, "login"),
        ({"password": None}, "password"),
        ({"host": "https://files.test"}, "host"),
        ({"schema": "ftp"}, "schema"),
        ({"extra": {"chunk_mib": 0}}, "chunk_mib"),
        ({"extra": {"chunk_mib": "many"}}, "chunk_mib"),
        ({"extra": {"verify": "perhaps"}}, "verify"),
        ({"extra": {"date_style": "roman"}}, "date_style"),
        ({"extra": {"entry_types": "guess"}}, "entry_types"),
        ({"extra": {"server_tz": "Mars/Olympus"}}, "Mars/Olympus"),
        ({"extra": {"date_style": "naive_server"}}, "server_tz"),
        ({"extra": {"verfy": True}}, "verfy"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], names: str) -> None:
    with pytest.raises(ConnectionInvalid) as raised:
        settings_of(connection(**fields))
    assert "'fc'" in str(raised.value)
    assert names in str(raised.value)


def test_a_client_comes_out_of_an_airflow_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with world(tmp_path, tls=True) as made:
        extra = {"ca_file": str(made.simulator.ca_file)}
        client = hook(monkeypatch, **at(made.simulator), extra=extra).get_client()
        assert client.list_page("/spfc").total == 0
        client.close()


def test_a_connection_is_tested_by_logging_in_and_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with world(tmp_path) as made:
        good, text = hook(monkeypatch, **at(made.simulator), schema="http").test_connection()
        assert good
        assert "spfc" in text
        assert made.operations() == ["loginguest", "getauthenticationinfo", "locksession"]
        fields = at(made.simulator) | {"password": "wrong-password"}
        good, text = hook(monkeypatch, **fields, schema="http").test_connection()
        assert not good
        assert "refused the login" in text
        assert "wrong-password" not in text
        made.simulator.knobs = FileCloudKnobs(two_factor_code="1")
        assert not hook(monkeypatch, **at(made.simulator), schema="http").test_connection()[0]
    good, text = hook(monkeypatch, host="").test_connection()
    assert not good
    assert "'host'" in text


def test_the_password_is_masked() -> None:
    from airflow.sdk._shared.secrets_masker import redact

    settings_of(connection(password="planted-value-4711"))
    assert "planted-value-4711" not in str(redact("the password is planted-value-4711"))


def test_the_provider_description_satisfies_airflow() -> None:
    import airflow
    import jsonschema  # type: ignore[import-untyped]
    import yaml

    info = get_provider_info()
    folder = Path(str(airflow.__file__)).parent
    jsonschema.validate(info, json.loads((folder / "provider_info.schema.json").read_text()))
    full = yaml.safe_load((folder / "provider.yaml.schema.json").read_text())
    form = full["properties"]["connection-types"]
    jsonschema.validate(
        info["connection-types"], {**full, "$ref": "#/properties/connection-types", "required": []} | form
    )


def test_the_provider_description_names_the_hook_and_all_its_extras() -> None:
    from spfc.hooks import filecloud

    (kind,) = [k for k in get_provider_info()["connection-types"] if k["connection-type"] == "filecloud"]
    assert kind["hook-class-name"] == f"{FileCloudHook.__module__}.{FileCloudHook.__name__}"
    assert kind["connection-type"] == FileCloudHook.conn_type
    assert set(kind["conn-fields"]) == filecloud._EXTRAS
    assert kind["conn-fields"]["date_style"]["schema"]["enum"] == [style.value for style in DateStyle]
