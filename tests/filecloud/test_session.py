from __future__ import annotations

import logging
import threading
import traceback
from pathlib import Path

import pytest
from tests.filecloud.raw_server import CLOSE, LOGIN_OK, RawServer, Seen, ok, raw_server, scripted, status
from tests.targets.world import PASSWORD, make_client, world

from simulators.common import FixedClock
from simulators.filecloud import FileCloudKnobs
from spfc.errors import AuthenticationRefused, PermissionMissing, RequestRefused, ServiceBusy, SpfcError
from spfc.filecloud import CallRefused, FileCloudClient

SHAPES = ["xml_result0", "http_401", "http_403", "redirect_html", "html_200"]


def test_nothing_is_sent_before_the_first_call_and_one_login_serves_all(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        client = made.client()
        assert client.calls == 0
        client.list_page("/spfc")
        client.list_page("/spfc")
        assert made.operations() == ["loginguest", "getfilelist", "getfilelist"]
        client.close()
        assert made.operations()[-1] == "locksession"


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("operation", ["getfilelist", "createfolder", "upload", "downloadfile", "fileinfo"])
def test_an_expired_session_is_healed_once(tmp_path: Path, shape: str, operation: str) -> None:
    from spfc.filecloud import Chunk

    with world(tmp_path, FileCloudKnobs(expired_session_mode=shape)) as made:  # type: ignore[arg-type]
        (made.simulator.store / "x.txt").write_bytes(b"hello")
        client = made.client()
        client.identity()
        made.faults({"operation": operation, "action": {"kind": "drop_session"}})
        match operation:
            case "getfilelist":
                assert client.list_page("/spfc").total == 1
            case "fileinfo":
                found = client.info("/spfc/x.txt")
                assert found is not None
                assert found.size == 5
            case "createfolder":
                client.create_folder("/spfc", "a")
            case "upload":
                chunk = Chunk("/spfc", "u.txt", 0, b"12", 2, "2024-07-19T20:32:00Z", last=True)
                assert client.upload_chunk(chunk)
            case "downloadfile":
                with client.download("/spfc/x.txt", size=5) as opened:
                    assert opened.read(10) == b"hello"
        assert client.counts["loginguest"] == 2
        assert client.counts[operation] == 2


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("operation", ["getfilelist", "createfolder"])
def test_a_session_that_dies_again_at_once_is_no_missing_permission(tmp_path: Path, shape: str, operation: str) -> None:
    with world(tmp_path, FileCloudKnobs(expired_session_mode=shape)) as made:  # type: ignore[arg-type]
        client = made.client()
        client.identity()
        made.faults({"operation": operation, "times": 2, "action": {"kind": "drop_session"}})
        if operation == "getfilelist":
            assert client.list_page("/spfc").total == 0
        else:
            client.create_folder("/spfc", "a")
        assert client.counts["loginguest"] == 3


def test_an_account_whose_sessions_never_live_is_said_to_be_shared(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        client = made.client()
        client.identity()
        made.faults({"operation": "getfilelist", "times": -1, "action": {"kind": "drop_session"}})
        with pytest.raises(ServiceBusy, match="ended the session 3 times") as caught:
            client.list_page("/spfc")
        assert "account of its own" in str(caught.value)
        assert client.counts["getfilelist"] == 3
        assert client.counts["loginguest"] <= 4


def test_threads_heal_a_session_together(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        client = made.client()
        client.list_page("/spfc")
        made.faults({"operation": "getfilelist", "action": {"kind": "drop_session"}})
        barrier, problems = threading.Barrier(8), list[BaseException]()

        def work() -> None:
            try:
                barrier.wait()
                for _ in range(3):
                    client.list_page("/spfc")
            except BaseException as error:  # noqa: BLE001 - handed to the main thread
                problems.append(error)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        assert client.counts["loginguest"] == 2


def test_a_refused_login_is_never_repeated(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        client = made.client(password="wrong-password")
        with pytest.raises(AuthenticationRefused) as first:
            client.list_page("/spfc")
        with pytest.raises(AuthenticationRefused) as second:
            client.create_folder("/spfc", "a")
        assert second.value is first.value
        assert made.operations() == ["loginguest"]


def test_a_second_factor_is_refused_without_its_token(tmp_path: Path) -> None:
    with world(tmp_path, FileCloudKnobs(two_factor_code="424242")) as made:
        with pytest.raises(AuthenticationRefused, match="second factor") as refused:
            made.client().list_page("/spfc")
        assert "two-factor" in str(refused.value)


def test_result_two_counts_only_when_the_server_agrees(tmp_path: Path) -> None:
    with world(tmp_path, FileCloudKnobs(login_success_result=2)) as made:
        made.client().list_page("/spfc")
        assert made.operations() == ["loginguest", "getauthenticationinfo", "getfilelist"]
        made.simulator.knobs = FileCloudKnobs(login_success_result=2, login_without_session=True)
        with pytest.raises(AuthenticationRefused):
            made.client().list_page("/spfc")


def test_a_session_that_ends_by_age_is_healed(tmp_path: Path) -> None:
    clock = FixedClock(1_700_000_000)
    with world(tmp_path, FileCloudKnobs(session_ttl_s=60), clock=clock) as made:
        client = made.client()
        client.list_page("/spfc")
        clock.advance(3600)
        client.list_page("/spfc")
        assert client.counts["loginguest"] == 2


def test_a_true_refusal_stands_while_the_session_lives(tmp_path: Path) -> None:
    with world(tmp_path, FileCloudKnobs(denied_paths=("/spfc/closed",))) as made:
        (made.simulator.store / "closed").mkdir()
        client = made.client()
        with pytest.raises(PermissionMissing):
            client.list_page("/spfc/closed")
        assert made.operations() == ["loginguest", "getfilelist", "getauthenticationinfo"]


def test_browser_mode_echoes_the_csrf_cookie(tmp_path: Path) -> None:
    with world(tmp_path, FileCloudKnobs(csrf="browser_only")) as made:
        made.client(browser_compat=True).list_page("/spfc")
    with world(tmp_path, FileCloudKnobs(csrf="strict")) as made:
        made.client(browser_compat=True).list_page("/spfc")
        with pytest.raises(CallRefused, match="browser_compat"):
            made.client().list_page("/spfc")


def test_an_address_without_filecloud_is_said_to_be_one() -> None:
    with raw_server(lambda _: status(404)) as server, pytest.raises(RequestRefused, match="address"):
        make_client(server.url).list_page("/spfc")


def test_a_path_prefix_is_kept(tmp_path: Path) -> None:
    with world(tmp_path, mount_prefix="/proxy/fc") as made:
        made.client().list_page("/spfc")
        assert made.simulator.journal.entries[0].path.startswith("/proxy/fc/core/")


XSRF, HASH = "xsrf-value-1234567890", "hash-value-0987654321"


def leaky(request: Seen) -> bytes:
    """Play a server that echoes every secret it knows into every text it sends."""
    cookies = f"Set-Cookie: tonido-login-hash={HASH}; path=/\r\nSet-Cookie: X-XSRF-TOKEN={XSRF}; path=/\r\n"
    if request.operation == "loginguest":
        return ok(LOGIN_OK, headers=cookies)
    said = f"strange: {PASSWORD} {XSRF} {HASH} {request.headers.get('cookie', '')}"
    if request.operation == "upload":
        return ok(said.encode())
    if request.operation == "createfolder":
        return status(418, said.encode())
    if request.operation == "deletefile":
        return CLOSE
    return ok(
        f"<commands><command><type>x</type><result>0</result><message>{said}</message></command></commands>".encode()
    )


def refused_login(request: Seen) -> bytes:
    text = f"Invalid password {PASSWORD}"
    return ok(f"<commands><command><result>0</result><message>{text}</message></command></commands>".encode())


@pytest.mark.parametrize("answer", [leaky, refused_login])
def test_no_secret_reaches_a_log_or_an_error(
    answer: object, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    from spfc.filecloud import Chunk
    from spfc.targets.filecloud import FileCloudTarget

    caplog.set_level(logging.DEBUG)
    texts: list[str] = []
    with raw_server(answer) as server:  # type: ignore[arg-type]
        client = make_client(server.url, browser_compat=True)
        target = FileCloudTarget(client, "/spfc/m")
        chunk = Chunk("/spfc", "a", 0, b"1", 1, "2024-07-19T20:32:00Z", last=True)
        for call in (
            lambda: client.list_page("/spfc"),
            lambda: client.info("/spfc"),
            lambda: client.upload_chunk(chunk),
            lambda: client.create_folder("/spfc", "a"),
            lambda: client.delete("/spfc", "a"),
            lambda: client.download("/spfc/a", size=7),
            lambda: target.list_folder("/"),
            lambda: target.make_folder("/a"),
        ):
            with pytest.raises(SpfcError) as raised:
                call()
            texts += ["".join(traceback.format_exception(raised.value)), repr(raised.value)]
        texts += [
            repr(client),
            repr(client.settings),
            repr(client._session.__dict__),
            repr(server.operations),
        ]
        client.close()
    texts += [caplog.text, *capsys.readouterr()]
    for secret in (PASSWORD, XSRF, HASH):
        assert all(secret not in text for text in texts), secret
    assert any("***" in text for text in texts)


def test_a_logout_that_fails_is_not_raised() -> None:
    def answer(request: Seen) -> bytes | tuple[bytes, str]:
        return CLOSE if request.operation == "locksession" else served(request)

    served = scripted(ok(b"<fileinfo></fileinfo>"))
    with raw_server(answer) as server:
        client: FileCloudClient = make_client(server.url)
        assert client.info("/spfc/a") is None
        client.close()
    assert isinstance(server, RawServer)
    assert "locksession" in server.operations
