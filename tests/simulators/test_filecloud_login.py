"""Login, lockout, second factor, expiry, anti-CSRF token (reference 2)."""

from __future__ import annotations

import json

import pytest
from tests.simulators.filecloud_calls import Caller, records_of, result_of

from simulators.common import FixedClock
from simulators.filecloud import FileCloudSimulator

BROWSER = "Mozilla/5.0 (X11; Linux x86_64)"


def test_login_sets_the_cookies_of_section_2_2(sim: FileCloudSimulator) -> None:
    with Caller(sim) as caller:
        names = {"tonido-login-user", "tonido-login-seed", "tonido-login-hash", "X-XSRF-TOKEN"}
        assert names | {"X-XSRF-TOKEN-user"} == set(caller.http.cookies.keys())
        info = caller.records("getauthenticationinfo", "info")[0]
        assert (info["authenticated"], info["profile"]) == ("1", sim.account)
        assert caller.records("getsystemstatus", "status")[0]["currentprofile"] == sim.account


def test_wrong_password_is_result_0_and_in_json_400(sim: FileCloudSimulator) -> None:
    with Caller(sim, log_in=False) as caller:
        assert caller.command("loginguest", userid=sim.account, password="wrong") == 0
        answer = caller.post("loginguest", {"Accept": "application/json"}, userid=sim.account, password="no")
        assert answer.status_code == 400
        assert json.loads(answer.text)["command"][0]["result"] == 0
        assert caller.post("loginguest", {"Accept": "application/json"}).status_code == 422
        assert caller.records("getauthenticationinfo", "info")[0]["authenticated"] == "0"


def test_login_in_the_query_counts_too(sim: FileCloudSimulator) -> None:
    with Caller(sim, log_in=False) as caller:
        query = {"userid": sim.account, "password": sim.password}
        assert result_of(caller.http.post(sim.url + "/CORE/LoginGuest", params=query)) == 1
        assert sim.password not in "".join(f"{e.path} {e.params}" for e in sim.journal.entries)


def test_five_failures_lock_the_account_for_five_minutes(sim: FileCloudSimulator, clock: FixedClock) -> None:
    with Caller(sim, log_in=False) as caller:
        for _ in range(5):
            assert caller.command("loginguest", userid=sim.account, password="wrong") == 0
        right = {"userid": sim.account, "password": sim.password}
        assert caller.command("loginguest", **right) == 0
        clock.advance(299)
        assert caller.command("loginguest", **right) == 0
        clock.advance(2)
        assert caller.command("loginguest", **right) == 1


def test_lockout_can_be_off(sim: FileCloudSimulator) -> None:
    sim.knobs = sim.knobs.but(lockout_failures=0)
    with Caller(sim, log_in=False) as caller:
        for _ in range(7):
            assert caller.command("loginguest", userid=sim.account, password="wrong") == 0
        assert caller.command("loginguest", userid=sim.account, password=sim.password) == 1


def test_second_factor(sim: FileCloudSimulator, clock: FixedClock) -> None:
    sim.knobs = sim.knobs.but(two_factor_code="123456")
    with Caller(sim, log_in=False) as caller:
        answer = caller.post("loginguest", userid=sim.account, password=sim.password)
        token = records_of(answer, "command")[0]["message"]
        assert result_of(answer) == 3
        assert not caller.http.cookies
        assert caller.command("resend2facode", userid=sim.account, token=token) == 1
        assert caller.command("2falogin", userid=sim.account, code="000000", token=token) == 0
        clock.advance(301)
        assert caller.command("2falogin", userid=sim.account, code="123456", token=token) == 0
        answer = caller.post("loginguest", userid=sim.account, password=sim.password)
        token = records_of(answer, "command")[0]["message"]
        assert caller.command("2falogin", userid=sim.account, code="123456", token=token) == 1
        assert caller.names("/spfc") == []


@pytest.mark.parametrize("without", [False, True])
def test_result_2_with_and_without_a_session(sim: FileCloudSimulator, without: bool) -> None:
    sim.knobs = sim.knobs.but(login_success_result=2, login_without_session=without)
    with Caller(sim, log_in=False) as caller:
        assert caller.command("loginguest", userid=sim.account, password=sim.password) == 2
        info = caller.records("getauthenticationinfo", "info")[0]
        assert info["authenticated"] == ("0" if without else "1")


@pytest.mark.parametrize(
    ("mode", "status", "text"),
    [
        ("xml_result0", 200, "<result>0</result>"),
        ("http_401", 401, "<html>"),
        ("http_403", 403, "<html>"),
        ("redirect_html", 302, ""),
        ("html_200", 200, "<html>"),
    ],
)
@pytest.mark.parametrize("operation", ["getfilelist", "upload", "downloadfile", "createfolder"])
def test_shapes_of_a_missing_session(
    sim: FileCloudSimulator, mode: str, status: int, text: str, operation: str
) -> None:
    sim.knobs = sim.knobs.but(expired_session_mode=mode)
    with Caller(sim, log_in=False) as caller:
        answer = caller.post(operation, path="/spfc", name="a")
        assert answer.status_code == status
        assert text in answer.text
        if mode == "redirect_html":
            page = caller.http.get(answer.headers["Location"])
            assert "<html>" in page.text
        assert caller.records("getauthenticationinfo", "info")[0]["authenticated"] == "0"


def test_session_ends_after_its_idle_time(sim: FileCloudSimulator, clock: FixedClock) -> None:
    sim.knobs = sim.knobs.but(session_ttl_s=60.0)
    with Caller(sim) as caller:
        clock.advance(59)
        assert caller.names("/spfc") == []
        clock.advance(59)
        assert caller.names("/spfc") == []
        clock.advance(61)
        assert caller.command("createfolder", path="/spfc", name="a") == 0
        assert not (sim.store / "a").exists()


@pytest.mark.parametrize("logout", ["/core/locksession", "/core/?op=logoutprofile"])
def test_logout(sim: FileCloudSimulator, logout: str) -> None:
    with Caller(sim) as caller:
        assert caller.command(logout) == 1
        assert caller.command("createfolder", path="/spfc", name="a") == 0
        assert sim.metrics()["sessions"] == 0


@pytest.mark.parametrize(
    ("mode", "agent", "needed"),
    [
        ("off", BROWSER, False),
        ("browser_only", "tests/1", False),
        ("browser_only", BROWSER, True),
        ("strict", "tests/1", True),
    ],
)
def test_anti_csrf_header(sim: FileCloudSimulator, mode: str, agent: str, needed: bool) -> None:
    sim.knobs = sim.knobs.but(csrf=mode)
    with Caller(sim, agent=agent) as caller:
        assert caller.command("createfolder", path="/spfc", name="a") == (0 if needed else 1)
        assert caller.post("createfolder", {"X-XSRF-TOKEN": "wrong"}).status_code == 200
        caller.http.headers["X-XSRF-TOKEN"] = caller.http.cookies["X-XSRF-TOKEN"]
        assert caller.command("createfolder", path="/spfc", name="b") == 1


def test_oldest_session_gives_way(sim: FileCloudSimulator) -> None:
    sim.knobs = sim.knobs.but(max_sessions=1)
    with Caller(sim) as first, Caller(sim) as second:
        assert first.command("createfolder", path="/spfc", name="a") == 0
        assert second.command("createfolder", path="/spfc", name="a") == 1
        assert {e.session for e in sim.journal.entries if e.operation == "createfolder"} == {"s1", "s2"}


def test_a_changed_cookie_is_no_session(sim: FileCloudSimulator) -> None:
    with Caller(sim) as caller:
        caller.http.cookies.set("tonido-login-hash", "0" * 40, domain="127.0.0.1", path="/")
        assert caller.command("createfolder", path="/spfc", name="a") == 0
