"""One request to Graph: what is repeated and what never, who waits, and what an error says."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from tests.graph.stub import Answer, FakeClock, Stub, error_answer, json_answer

from spfc.errors import (
    AnswerUnreadable,
    AuthenticationRefused,
    ConnectionInvalid,
    CursorExpired,
    PermissionMissing,
    PlaceNotFound,
    RequestRefused,
    ServiceBusy,
    SpfcError,
    Throttled,
    Unreachable,
)
from spfc.graph.client import GraphClient

DELTA = "/v1.0/drives/d/root/delta"


def last_page(stub: Stub) -> Answer:
    return json_answer({"value": [], "@odata.deltaLink": f"{stub.url}{DELTA}?token=t1"})


def test_an_expired_token_is_renewed_once_and_the_request_replayed(graph: Stub, client: GraphClient) -> None:
    graph.on(DELTA, error_answer(401, "InvalidAuthenticationToken"), last_page(graph))
    assert client.delta("d", None).complete
    sent = [seen.headers["Authorization"] for seen in graph.seen if seen.path.startswith(DELTA)]
    assert sent == ["Bearer token-1", "Bearer token-2"]


def test_a_second_401_ends_it(graph: Stub, client: GraphClient) -> None:
    graph.on(DELTA, error_answer(401, "InvalidAuthenticationToken"))
    with pytest.raises(AuthenticationRefused) as caught:
        client.delta("d", None)
    assert len(graph.paths(DELTA)) == 2
    assert "InvalidAuthenticationToken" in str(caught.value)
    assert "token-" not in str(caught.value)


@pytest.mark.parametrize("status", [429, 503, 509])
def test_a_throttled_request_waits_in_full_and_is_repeated(
    graph: Stub, client: GraphClient, clock: FakeClock, status: int
) -> None:
    graph.on(
        DELTA,
        error_answer(status, "activityLimitReached", "throttledRequest", Retry_After="17"),
        last_page(graph),
    )
    began = clock.now()
    client.delta("d", None)
    assert clock.now() - began >= 17
    assert client.bill.requests == 2
    assert client.bill.units == 4
    assert client.bill.refusals == 1


def test_the_larger_of_retry_after_and_reset_is_waited(graph: Stub, client: GraphClient, clock: FakeClock) -> None:
    headers = {"Retry_After": "3", "RateLimit_Reset": "31", "RateLimit_Remaining": "0"}
    graph.on(DELTA, error_answer(429, "activityLimitReached", **headers), last_page(graph))
    began = clock.now()
    client.delta("d", None)
    assert 31 <= clock.now() - began < 40


def test_retry_after_as_a_date(graph: Stub, client: GraphClient, clock: FakeClock) -> None:
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    graph.on(DELTA, error_answer(429, Retry_After=when), last_page(graph))
    began = clock.now()
    client.delta("d", None)
    assert 80 < clock.now() - began < 95


def test_an_outage_is_looked_at_again_after_ten_minutes_at_most(
    graph: Stub, client: GraphClient, clock: FakeClock
) -> None:
    graph.on(DELTA, error_answer(503, Retry_After="2000"), last_page(graph))
    began = clock.now()
    client.delta("d", None)
    assert 600 <= clock.now() - began < 610


def test_throttling_for_ever_is_handed_to_the_caller(graph: Stub, client: GraphClient, clock: FakeClock) -> None:
    graph.on(DELTA, error_answer(429, "activityLimitReached", Retry_After="1"))
    with pytest.raises(Throttled) as caught:
        client.delta("d", None)
    assert caught.value.retry_after == 1
    assert len(graph.paths(DELTA)) == 11


def test_a_pause_too_long_to_sleep_through_is_handed_on_and_sends_nothing(
    graph: Stub, make_client: Callable[..., GraphClient]
) -> None:
    client = make_client(longest_wait=60.0)
    graph.on(DELTA, error_answer(429, Retry_After="3000"))
    for _ in range(3):
        with pytest.raises(Throttled) as caught:
            client.delta("d", None)
        assert caught.value.retry_after is not None
        assert caught.value.retry_after > 2900
    assert len(graph.paths(DELTA)) == 1


def test_one_pause_holds_all_threads_back(graph: Stub, client: GraphClient, clock: FakeClock) -> None:
    client.governor.pause(25)
    graph.on(DELTA, last_page(graph))
    starts: list[float] = []

    def work() -> None:
        client.delta("d", None)
        starts.append(clock.now())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(starts) == 4
    assert min(starts) >= 1025


@pytest.mark.parametrize("bad", [error_answer(500), error_answer(502), error_answer(504), Answer(reset=True)])
def test_transient_failures_are_repeated(graph: Stub, client: GraphClient, bad: Answer) -> None:
    graph.on(DELTA, bad, bad, last_page(graph))
    assert client.delta("d", None).complete
    assert len(graph.paths(DELTA)) == 3


def test_transient_failures_are_repeated_a_bounded_number_of_times(
    graph: Stub, client: GraphClient, clock: FakeClock
) -> None:
    graph.on(DELTA, error_answer(502, "generalException"))
    with pytest.raises(ServiceBusy):
        client.delta("d", None)
    assert len(graph.paths(DELTA)) == 6
    assert len(clock.slept) == 5
    assert all(0 <= slept <= 2**n for n, slept in enumerate(clock.slept))


def test_a_body_cut_short_is_repeated(graph: Stub, client: GraphClient) -> None:
    page = last_page(graph)
    cut = Answer(200, page.headers, page.body[:20], announce=len(page.body))
    graph.on(DELTA, cut, page)
    assert client.delta("d", None).complete


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RequestRefused),
        (403, PermissionMissing),
        (404, PlaceNotFound),
        (409, RequestRefused),
        (410, CursorExpired),
        (423, RequestRefused),
        (501, RequestRefused),
    ],
)
def test_what_is_never_repeated(
    graph: Stub, client: GraphClient, clock: FakeClock, status: int, kind: type[SpfcError]
) -> None:
    graph.on(DELTA, error_answer(status, "outerCode", "deepestCode"))
    with pytest.raises(kind) as caught:
        client.delta("d", None)
    assert len(graph.paths(DELTA)) == 1
    assert clock.slept == []
    for shown in ("outerCode/deepestCode", "rid-1", str(status)):
        assert shown in str(caught.value)


def test_the_older_spelling_of_the_inner_error_is_read(graph: Stub, client: GraphClient) -> None:
    nested = {"code": "a", "message": "m", "innererror": {"code": "b", "innererror": {"code": "c"}}}
    graph.on(DELTA, json_answer({"error": nested}, 400))
    with pytest.raises(RequestRefused, match="a/b/c"):
        client.delta("d", None)


def test_a_web_page_with_status_200_is_not_an_answer(graph: Stub, client: GraphClient) -> None:
    graph.on(DELTA, Answer(200, {"Content-Type": "text/html"}, b"<html>please sign in</html>"))
    with pytest.raises(AnswerUnreadable, match="text/html"):
        client.delta("d", None)


def test_a_redirect_is_not_followed_with_the_token(graph: Stub, host: Stub, client: GraphClient) -> None:
    graph.on(DELTA, Answer(302, {"Location": f"{host.url}/elsewhere"}))
    with pytest.raises(AnswerUnreadable):
        client.delta("d", None)
    assert host.seen == []


@pytest.mark.parametrize(
    "link", ["http://other.test/v1.0/x?token=1", "http://u@127.0.0.1/x", "file:///etc/x", "http://[::"]
)
def test_a_link_to_another_host_gets_no_token(graph: Stub, client: GraphClient, link: str) -> None:
    with pytest.raises(RequestRefused, match="another host"):
        client.delta("d", link)
    assert graph.seen == []


def test_nobody_there(make_client: Callable[..., GraphClient], graph: Stub, clock: FakeClock) -> None:
    client = make_client(graph_root="http://127.0.0.1:1/v1.0")
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1"):
        client.delta("d", None)
    assert len(clock.slept) == 5
    assert client.bill.refusals == 6


def test_traffic_is_decorated_and_carries_no_cookies(graph: Stub, client: GraphClient) -> None:
    page = last_page(graph)
    graph.on(DELTA, Answer(200, {**page.headers, "Set-Cookie": "c=1; Path=/"}, page.body))
    client.delta("d", None)
    client.delta("d", f"{graph.url}{DELTA}?token=t1")
    for seen in graph.seen:
        assert seen.headers["User-Agent"].startswith("NONISV|spfc|spfc/")
        assert "Cookie" not in seen.headers
        assert "gzip" in seen.headers["Accept-Encoding"], "a page of the feed is large, and shrinks well"


def test_the_environment_cannot_replace_token_or_proxy(
    graph: Stub, client: GraphClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    graph.on(DELTA, last_page(graph))
    client.delta("d", None)
    assert graph.seen[-1].headers["Authorization"] == "Bearer token-1"


def test_proxies_come_from_settings_and_no_proxy_is_honoured(
    graph: Stub, host: Stub, make_client: Callable[..., GraphClient]
) -> None:
    graph.on(DELTA, last_page(graph))
    host.on("", last_page(graph))
    make_client(proxies={"http": "http://127.0.0.1:1", "no_proxy": "127.0.0.1"}).delta("d", None)
    through = make_client(proxies={"http": host.url})
    with pytest.raises(SpfcError):
        through.delta("d", None)
    assert [seen.method for seen in host.seen][:1] == ["POST"]


def test_connections_are_reused(graph: Stub, client: GraphClient) -> None:
    graph.on(DELTA, last_page(graph))
    for _ in range(5):
        client.delta("d", None)
    assert len({seen.connection for seen in graph.seen if seen.path.startswith(DELTA)}) == 1


def test_debug_logging_shows_no_query(graph: Stub, client: GraphClient, caplog: pytest.LogCaptureFixture) -> None:
    graph.on(DELTA, last_page(graph))
    with caplog.at_level(logging.DEBUG):
        client.delta("d", f"{graph.url}{DELTA}?token=planted-query")
    assert "delta?***" in caplog.text
    assert "planted-query" not in caplog.text


def test_a_ca_file_that_is_not_there_is_a_mistake_in_the_connection(
    make_client: Callable[..., GraphClient], tmp_path: Path
) -> None:
    with pytest.raises(ConnectionInvalid, match=r"ca\.pem is not there.*Correct ca_file"):
        make_client(ca_file=tmp_path / "ca.pem")
