"""Sign-in: one token for all, renewed in time, and refusals that say what to do without showing a secret."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from tests.graph.conftest import SECRET
from tests.graph.stub import Answer, FakeClock, Stub, json_answer

from spfc.errors import (
    AnswerUnreadable,
    AuthenticationRefused,
    ConnectionInvalid,
    ServiceBusy,
    SpfcError,
    Unreachable,
)
from spfc.graph.auth import TokenSource
from spfc.graph.client import GraphClient
from spfc.graph.credentials import msal_credential
from spfc.graph.settings import Certificate, GraphSettings
from spfc.graph.shared import Shared

TOKEN = "/contoso.test/oauth2/v2.0/token"
Make = Callable[..., GraphSettings]


def refusal(code: str, error: str = "invalid_client", status: int = 401) -> Answer:
    text = f"{code}: something about {SECRET}. Trace ID: 1"
    return json_answer({"error": error, "error_description": text}, status)


@pytest.fixture
def tokens(settings_for: Make, clock: FakeClock) -> TokenSource:
    return TokenSource(settings_for(), now=clock.now)


def test_many_threads_cause_one_request(graph: Stub, tokens: TokenSource) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(tokens.get())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["token-1"] * 8
    assert len(graph.paths(TOKEN)) == 1
    assert b"client_credentials" in graph.seen[0].body


def test_a_token_is_renewed_five_minutes_before_its_end(graph: Stub, tokens: TokenSource, clock: FakeClock) -> None:
    tokens.get()
    clock.time += 3299
    assert tokens.get() == "token-1"
    clock.time += 2
    assert tokens.get() == "token-2"


def test_a_short_token_is_still_used(graph: Stub, tokens: TokenSource, clock: FakeClock) -> None:
    graph.on(TOKEN, json_answer({"access_token": "short", "expires_in": 60}))
    assert [tokens.get(), tokens.get()] == ["short", "short"]
    clock.time += 31
    tokens.get()
    assert len(graph.paths(TOKEN)) == 2


def test_the_same_refused_token_is_discarded_once(graph: Stub, tokens: TokenSource) -> None:
    first = tokens.get()
    tokens.discard(first)
    second = tokens.get()
    tokens.discard(first)
    assert tokens.get() == second == "token-2"


@pytest.mark.parametrize(
    ("answer", "kind", "shown"),
    [
        (refusal("AADSTS7000215"), AuthenticationRefused, "its value, not its id"),
        (refusal("AADSTS7000222"), AuthenticationRefused, "expired"),
        (refusal("AADSTS700016", "unauthorized_client", 400), AuthenticationRefused, "client id"),
        (refusal("AADSTS90002", "invalid_request", 400), AuthenticationRefused, "tenant 'contoso.test'"),
        (refusal("AADSTS999999"), AuthenticationRefused, "AADSTS999999"),
        (refusal("AADSTS90033", "temporarily_unavailable", 400), ServiceBusy, "cannot serve"),
        (Answer(503), ServiceBusy, "failed"),
        (Answer(200, {"Content-Type": "text/html"}, b"<html>"), AnswerUnreadable, "JSON"),
        (Answer(reset=True), ServiceBusy, "broke"),
    ],
)
def test_a_failed_sign_in_is_named_and_shows_no_secret(
    graph: Stub,
    tokens: TokenSource,
    caplog: pytest.LogCaptureFixture,
    answer: Answer,
    kind: type[SpfcError],
    shown: str,
) -> None:
    graph.on(TOKEN, answer)
    with caplog.at_level(logging.DEBUG), pytest.raises(kind) as caught:
        tokens.get()
    assert shown in str(caught.value)
    told = caplog.text + "".join(traceback.format_exception(caught.value))
    assert SECRET not in told
    assert caught.value.__context__ is None


def test_a_refused_sign_in_is_not_repeated(graph: Stub, client: GraphClient) -> None:
    graph.on(TOKEN, refusal("AADSTS7000215"))
    with pytest.raises(AuthenticationRefused):
        client.delta("d", None)
    assert len(graph.seen) == 1


def test_a_busy_sign_in_is_repeated(graph: Stub, client: GraphClient) -> None:
    graph.on(TOKEN, Answer(503), json_answer({"access_token": "t", "expires_in": 3600}))
    graph.on("/v1.0", json_answer({"value": [], "@odata.deltaLink": f"{graph.url}/v1.0/x"}))
    assert client.delta("d", None).complete


def test_nobody_at_the_sign_in_host(settings_for: Make) -> None:
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1"):
        TokenSource(settings_for(authority="http://127.0.0.1:1")).get()


def test_a_host_name_that_does_not_exist(settings_for: Make) -> None:
    with pytest.raises(Unreachable, match="resolved"):
        TokenSource(settings_for(authority="https://login.invalid")).get()


def test_a_process_shares_tokens_by_credentials_and_governors_by_app(settings_for: Make) -> None:
    shared = Shared()
    one, other = settings_for(), settings_for(client_secret="another")
    assert shared.tokens(one) is shared.tokens(settings_for())
    assert shared.tokens(one) is not shared.tokens(other)
    assert shared.governor(one) is shared.governor(other)
    assert shared.governor(one) is not shared.governor(settings_for(client_id="second-app"))


def key_and_certificate() -> tuple[str, str]:
    leaf = trustme.CA(key_type=trustme.KeyType.RSA).issue_cert("app.test", key_type=trustme.KeyType.RSA)
    return leaf.private_key_pem.bytes().decode(), leaf.cert_chain_pems[0].bytes().decode()


def test_certificates_in_every_form(settings_for: Make, tmp_path: Path) -> None:
    key, public = key_and_certificate()
    pem = tmp_path / "app.pem"
    pem.write_text(key + public)
    pfx = tmp_path / "app.pfx"
    private = load_pem_private_key(key.encode(), None)
    loaded = x509.load_pem_x509_certificate(public.encode())
    pfx.write_bytes(
        pkcs12.serialize_key_and_certificates(
            b"app",
            private,  # type: ignore[arg-type]
            loaded,
            None,
            BestAvailableEncryption(b"open sesame"),
        )
    )

    def credential(certificate: Certificate) -> dict[str, str]:
        made = msal_credential(settings_for(client_secret=None, certificate=certificate))
        assert isinstance(made, dict)
        return made

    assert set(credential(Certificate(path=pem))) == {"private_key", "public_certificate"}
    assert set(credential(Certificate(pem=(key + public).replace("\n", "\\n")))) == {
        "private_key",
        "public_certificate",
    }
    assert credential(Certificate(pem=key, thumbprint="ab:cd"))["thumbprint"] == "ABCD"
    assert credential(Certificate(path=pfx, passphrase="open sesame"))["passphrase"] == "open sesame"
    encrypted = private.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame")
    ).decode()
    made = credential(Certificate(pem=encrypted + public, passphrase="open sesame"))
    assert made["passphrase"] == "open sesame"
    for broken in (
        Certificate(path=tmp_path / "absent.pem"),
        Certificate(path=pfx, passphrase="wrong"),
        Certificate(pem=encrypted + public, passphrase="wrong"),
        Certificate(pem=public),
        Certificate(pem=key),
    ):
        with pytest.raises(ConnectionInvalid) as caught:
            credential(broken)
        assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"tenant": " "},
        {"client_id": ""},
        {"client_secret": None},
        {"certificate": Certificate(pem="x")},
        {"cloud": "mars"},
        {"graph_root": "http://graph.example.test/v1.0"},
        {"authority": "https://user:word@login.example.test"},
        {"page_size": 0},
        {"page_size": 5001},
        {"units_per_minute": 0},
    ],
)
def test_settings_that_cannot_work_are_refused(settings_for: Make, change: dict[str, object]) -> None:
    with pytest.raises(ConnectionInvalid):
        settings_for(**change)
