"""P1, P9, P10: kinds of client, logins side by side, and how a dead session looks (FileCloud reference 16)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace

from requests.cookies import RequestsCookieJar

from spfc.doctor import raw
from spfc.doctor.scratch import Scratch
from spfc.doctor.shape import Finding, fail, ok, warn
from spfc.errors import AnswerUnreadable, AuthenticationRefused, ServiceError
from spfc.filecloud import CallRefused, FileCloudClient, FileCloudSettings, calls, xml
from spfc.filecloud.answers import Answers
from spfc.filecloud.session import Pass, Session
from spfc.filecloud.wire import Reply, Wire

_CALLERS = 8
"""How many calls are made at once (reference 16, P9)."""
_SERIAL = 0.6
"""Share of the time that the calls take one after another from which they count as not served side by side."""
_FREED = 0.5
"""Share of that time below which logins of their own must bring the calls, or they do not wait for the login."""
_TOO_QUICK = 0.2
"""Seconds that the calls must take one after another, or their times say nothing."""


@dataclass(frozen=True, slots=True)
class _Own:
    """A login that the probe may spoil."""

    wire: Wire
    session: Session
    login: Pass

    def call(self, path: str) -> Reply:
        """Ask for a listing."""
        return self.session.send(calls.file_list(path, 0, 1), self.login)


@contextmanager
def _own_login(settings: FileCloudSettings) -> Iterator[_Own]:
    wire = Wire(settings)
    session = Session(settings, wire)
    try:
        yield _Own(wire, session, session.current())
    finally:
        session.close()
        wire.close()


@dataclass(frozen=True, slots=True)
class _Seen:
    """How one kind of client is received: with the headers that it should send, and without them."""

    taken: bool
    bare: bool
    cookies: tuple[str, ...] = ()


def kinds_of_client(scratch: Scratch) -> Finding:
    """P1: what the server says to our own kind of client, and to one that poses as a browser."""
    settings = scratch.client.settings
    plain = _seen(scratch, replace(settings, browser_compat=False))
    browser = _seen(scratch, replace(settings, browser_compat=True))
    needs_header = browser.taken and not browser.bare
    text = (
        f"Our own kind of client is {_taken(plain)}, a browser {_taken(browser)}"
        f"{' only with the anti-CSRF header' if needs_header else ''}. Names of the cookies: "
        f"{', '.join(plain.cookies or browser.cookies) or 'none'}."
    )
    if settings.browser_compat and plain.taken:
        return warn(text, "browser_compat is not needed in the connection; switch it off.")
    if plain.taken or (settings.browser_compat and browser.taken):
        return ok(text)
    return fail(text, "Switch browser_compat on in the connection." if browser.taken else "Ask the administrator.")


def _seen(scratch: Scratch, settings: FileCloudSettings) -> _Seen:
    try:
        with _own_login(settings) as own:
            cookies = tuple(sorted({name for name, _ in own.login.jar.items()}))
            bare = own.wire.send(calls.file_list(scratch.path, 0, 1), own.login.jar, {})
            return _Seen(_lists(scratch, own.call(scratch.path)), _lists(scratch, bare), cookies)
    except AuthenticationRefused:
        return _Seen(taken=False, bare=False)


def _lists(scratch: Scratch, reply: Reply) -> bool:
    try:
        return (
            Answers(scratch.client.redact, scratch.client.settings.entry_types)
            .page(calls.file_list(scratch.path, 0, 1), reply)
            .result
            == 1
        )
    except (CallRefused, AnswerUnreadable):
        return False


def _taken(seen: _Seen) -> str:
    return "taken" if seen.taken else "refused"


def side_by_side(scratch: Scratch) -> Finding:
    """P9: eight calls at once with one login, against the same calls one after another, and with eight logins."""
    with ExitStack() as stack:
        settings = scratch.client.settings
        clients = [stack.enter_context(closing(FileCloudClient(settings))) for _ in range(_CALLERS)]
        one = [clients[0]] * _CALLERS
        for client in clients:
            client.identity()
        pool = stack.enter_context(ThreadPoolExecutor(_CALLERS))
        _timed(pool, one, scratch.path)  # makes the connections; not a measurement
        serial = _after_another(one, scratch.path)
        together, apart = (min(_timed(pool, whose, scratch.path) for _ in range(2)) for whose in (one, clients))
    text = (
        f"{_CALLERS} calls took {1000 * serial:.0f} ms one after another, {1000 * together:.0f} ms at once with one "
        f"login, {1000 * apart:.0f} ms at once with {_CALLERS} logins"
    )
    if serial < _TOO_QUICK:
        return ok(f"{text}: this server is too quick to tell whether they wait for each other.")
    if together < _SERIAL * serial:
        return ok(f"{text}: calls of one login are served side by side.")
    if apart < _FREED * together:
        return warn(
            f"{text}: calls of one login wait for each other.",
            "limits.workers above 1 hardly helps at this server; spread big libraries over several transfer tasks "
            "(limits.batch_files), because each has a login of its own.",
        )
    return ok(f"{text}: the server is as busy with few calls as with many.")


def _after_another(clients: Iterable[FileCloudClient], path: str) -> float:
    begun = time.perf_counter()
    for client in clients:
        client.list_page(path, 0, 1)
    return time.perf_counter() - begun


def _timed(pool: ThreadPoolExecutor, clients: Iterable[FileCloudClient], path: str) -> float:
    begun = time.perf_counter()
    for _ in pool.map(lambda client: client.list_page(path, 0, 1), clients):
        pass
    return time.perf_counter() - begun


def dead_session(scratch: Scratch) -> Finding:
    """P10: what the server says after a logout, and to a cookie that is none."""
    folder = scratch.folder("P10")
    scratch.put(folder, "there.txt", b"there")
    path = f"{folder}/there.txt"
    with _own_login(scratch.client.settings) as own:
        spoiled = RequestsCookieJar()
        for name, value in own.login.jar.items():
            spoiled.set(name, f"{value or ''}x")
        wrong = _judge(scratch, lambda: own.wire.send(calls.file_info(path), spoiled, {}), path)
        own.session.send(calls.lock_session(), own.login)
        after = _judge(scratch, lambda: own.session.send(calls.file_info(path), own.login), path)
        alive = _still_alive(own)
    text = f"After a logout: {after}. With a spoiled login: {wrong}"
    if "nothing is there" in (after, wrong):
        return fail(
            f"{text}. A file that is there looks as if it were missing.",
            "Do not run: after its session has expired, spfc would take copies for gone. Update the server, or report "
            "this line.",
        )
    if alive and not after.startswith("still"):
        return fail(
            f"{text}; but asked for it, the server says that the login is alive.",
            "Update the server, or report this line: spfc could not tell a dead login from a missing permission.",
        )
    if after.startswith("still"):
        return warn(f"{text}. A logout does not end the session.", "Keep session times short at the server.")
    return ok(f"{text}. Both are understood as a dead session.")


def _still_alive(own: _Own) -> bool:
    try:
        return xml.read_identity(xml.parse(own.session.send(calls.authentication_info(), own.login).body)).authenticated
    except (AnswerUnreadable, ServiceError):
        return False


def _judge(scratch: Scratch, send: Callable[[], Reply], path: str) -> str:
    """Say how an answer to a question about a file that is there looks to the client."""
    try:
        reply = send()
        entry = Answers(scratch.client.redact, scratch.client.settings.entry_types).info(calls.file_info(path), reply)
    except CallRefused as refusal:
        return f"refused with {refusal.said!r}"
    except AnswerUnreadable:
        return f"a web page or garbage (status {raw.answer_of(reply, scratch.client).status})"
    return "still served" if entry is not None else "nothing is there"
