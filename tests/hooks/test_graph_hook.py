"""GraphHook: what it reads from Airflow's own msgraph connection, and what it says when a field is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk._shared.secrets_masker import redact

from spfc.errors import ConnectionInvalid
from spfc.graph.settings import GraphSettings
from spfc.hooks.graph import GraphHook

SECRET = "s3cr3t-planted-value"


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that sets the connection and reads the settings through the hook."""

    def read(*, extra: dict[str, Any] | None = None, **fields: Any) -> GraphSettings:
        given = {"conn_type": "msgraph", "login": "app-id", "password": SECRET, **fields}
        given["extra"] = {"tenant_id": "contoso.test", **(extra or {})}
        monkeypatch.setenv("AIRFLOW_CONN_SHAREPOINT", json.dumps({k: v for k, v in given.items() if v is not None}))
        return GraphHook("sharepoint").get_settings()

    return read


def test_the_providers_own_fields_are_enough(connect: Any) -> None:
    settings = connect()
    assert settings.tenant == "contoso.test"
    assert settings.client_id == "app-id"
    assert settings.client_secret == SECRET
    assert settings.root == "https://graph.microsoft.com/v1.0"
    assert settings.login_root == "https://login.microsoftonline.com"
    assert settings.scope == "https://graph.microsoft.com/.default"
    assert settings.verify is True
    assert settings.trust_env is True
    assert settings.user_agent.startswith("NONISV|")


def test_the_providers_form_defaults_are_read_as_it_reads_them(connect: Any) -> None:
    settings = connect(
        schema="https",
        host="https://graph.microsoft.com",
        port=443,
        extra={"api_version": "v1.0", "scopes": "https://graph.microsoft.com/.default", "verify": True},
    )
    assert settings.root == "https://graph.microsoft.com/v1.0"


def test_a_national_graph_host_brings_its_sign_in_host(connect: Any) -> None:
    settings = connect(schema="https", host="dod-graph.microsoft.us")
    assert settings.root == "https://dod-graph.microsoft.us/v1.0"
    assert settings.login_root == "https://login.microsoftonline.us"
    assert settings.scope == "https://dod-graph.microsoft.us/.default"


def test_the_cloud_by_name(connect: Any) -> None:
    settings = connect(extra={"cloud": "china", "api_version": "v1.0"})
    assert settings.root == "https://microsoftgraph.chinacloudapi.cn/v1.0"
    assert settings.login_root == "https://login.chinacloudapi.cn"


def test_extras_of_spfc_win(connect: Any, tmp_path: Path) -> None:
    settings = connect(
        host="graph.microsoft.com",
        extra={
            "graph_root": "https://127.0.0.1:8443/v1.0/",
            "base_url": "https://elsewhere.test/v1.0",
            "authority": "127.0.0.1:8443/contoso.test/",
            "ca_file": str(tmp_path / "ca.pem"),
            "units_per_minute": "600",
            "page_size": 200,
            "user_agent": "NONISV|Example|Sync/1",
            "trust_env": "false",
        },
    )
    assert settings.root == "https://127.0.0.1:8443/v1.0"
    assert settings.login_root == "https://127.0.0.1:8443"
    assert settings.ca_file == tmp_path / "ca.pem"
    assert (settings.units_per_minute, settings.page_size) == (600, 200)
    assert settings.user_agent == "NONISV|Example|Sync/1"
    assert settings.trust_env is False


def test_how_much_may_be_spent(connect: Any) -> None:
    careful = connect(extra={}).quota
    assert (careful.rate, careful.most, careful.per_day) == (20, 100, None), "nothing is known of the tenant"
    known = connect(extra={"tier": "5k-15k"}).quota
    assert (known.rate, known.most, known.per_day) == (60, 60, 3_600_000)
    own = connect(extra={"tier": "5k-15k", "units_per_minute": 600, "units_per_day": "90000"}).quota
    assert (own.rate, own.most, own.per_day) == (10, 10, 90_000)
    free = connect(extra={"tier": "none"}).quota
    assert (free.rate, free.per_day) == (None, None)


def test_a_certificate_replaces_the_secret_and_the_password_opens_it(connect: Any) -> None:
    settings = connect(extra={"certificate_path": "app.pem", "certificate_thumbprint": "AB:CD"})
    assert settings.client_secret is None
    assert settings.certificate is not None
    assert settings.certificate.path == Path("app.pem")
    assert settings.certificate.passphrase == SECRET


def test_proxies_as_the_provider_takes_them(connect: Any) -> None:
    as_text = connect(extra={"proxies": '{"https": "http://proxy.test:3128", "no": "localhost,.test"}'})
    as_mapping = connect(extra={"proxies": {"https": "http://proxy.test:3128", "no_proxy": "localhost,.test"}})
    assert as_text.proxies == as_mapping.proxies
    assert as_text.proxies == {"https": "http://proxy.test:3128", "no_proxy": "localhost,.test"}


@pytest.mark.parametrize(
    ("fields", "extra", "named"),
    [
        ({"login": None}, {}, "login"),
        ({"password": None}, {}, "password"),
        ({}, {"tenant_id": ""}, "tenant_id"),
        ({}, {"certificate_path": "a.pem", "certificate_data": "b"}, "certificate_data"),
        ({}, {"units_per_minute": "many"}, "units_per_minute"),
        ({}, {"units_per_minute": 0}, "units_per_minute"),
        ({}, {"units_per_day": 0}, "units_per_day"),
        ({}, {"tier": "gold"}, "Known are: auto, 0-1k"),
        ({}, {"page_size": 5001}, "page_size"),
        ({}, {"verify": True, "trust_env": "perhaps"}, "trust_env"),
        ({}, {"proxies": "not json"}, "proxies"),
        ({}, {"cloud": "mars"}, "mars"),
        ({}, {"graph_root": "http://graph.example.test/v1.0"}, "graph_root"),
        ({}, {"ca_file": 3}, "ca_file"),
    ],
)
def test_a_wrong_field_is_named_with_its_connection(
    connect: Any, fields: dict[str, Any], extra: dict[str, Any], named: str
) -> None:
    with pytest.raises(ConnectionInvalid) as caught:
        connect(extra=extra, **fields)
    assert named in str(caught.value)
    assert "'sharepoint'" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_secrets_are_masked_and_never_in_a_repr(connect: Any) -> None:
    settings = connect()
    assert SECRET not in repr(settings)
    assert SECRET not in str(redact(f"the value is {SECRET}"))


def test_nothing_is_sent_before_the_client_is_used(connect: Any) -> None:
    connect(extra={"graph_root": "http://127.0.0.1:9/v1.0", "authority": "http://127.0.0.1:9"})
    with GraphHook("sharepoint").get_client() as client:
        assert client.bill.requests == 0
