"""Who is logged in: sessions, lockout, second factor, anti-CSRF token (reference 2)."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field

from simulators.filecloud.knobs import FileCloudKnobs
from simulators.filecloud.state import State

CODE_LIFETIME_S = 300.0  # reference 2.1: codes live 5 minutes by default


@dataclass(slots=True)
class Session:
    """One login. `digest` stands for the secret in the cookie; the secret itself is not kept."""

    digest: str
    user: str
    csrf: str
    seen: float


@dataclass(frozen=True, slots=True)
class Login:
    """How a login ended: `result` 0, 1, 2 or 3 (reference 2.1), and the new session's cookies."""

    result: int
    message: str
    cookies: dict[str, str] = field(default_factory=dict)


class Sessions:
    """Sessions of the one account; they survive a restart of the simulator."""

    def __init__(self, state: State, account: str, password: str) -> None:
        self._state = state
        self.account = account
        self._password = password
        self._tokens: dict[str, float] = {}
        self._live: dict[str, Session] = {
            row[0]: Session(*row) for row in state.rows("SELECT digest, user, csrf, seen FROM sessions")
        }

    def login(self, user: str, password: str, knobs: FileCloudKnobs, now: float) -> Login:
        """Check a name and a password; wrong ones count towards the lockout."""
        locked = self._locked(user, now)
        if locked:
            return Login(0, "Account is locked. Please try again later")
        known = user == self.account
        if not (secrets.compare_digest(password.encode(), self._password.encode()) and known):
            return self._failed(user, knobs, now)
        self._state.run("DELETE FROM accounts WHERE user = ?", (user,))
        if knobs.two_factor_code:
            token = secrets.token_hex(16)
            self._tokens[token] = now + CODE_LIFETIME_S
            return Login(3, token)
        return self._open(user, knobs, now)

    def second_factor(self, user: str, code: str, token: str, knobs: FileCloudKnobs, now: float) -> Login:
        """Finish a login with the code and the token of its first step."""
        if self._locked(user, now):
            return Login(0, "Account is locked. Please try again later")
        valid = self._tokens.get(token, 0.0) > now and user == self.account
        if not valid or code != knobs.two_factor_code:
            return self._failed(user, knobs, now, "Invalid two factor code")
        del self._tokens[token]
        return self._open(user, knobs, now)

    def find(self, cookies: dict[str, str], knobs: FileCloudKnobs, now: float) -> Session | None:
        """Return the session of a request, or None when there is none or it has run out."""
        secret = cookies.get("tonido-login-hash", "")
        session = self._live.get(_digest(secret, cookies.get("tonido-login-seed", ""))) if secret else None
        if session is None or cookies.get("tonido-login-user") != session.user:
            return None
        if knobs.session_ttl_s and now - session.seen > knobs.session_ttl_s:
            self.drop(session)
            return None
        session.seen = now
        return session

    def drop(self, session: Session) -> None:
        """End a session."""
        self._live.pop(session.digest, None)
        self._state.run("DELETE FROM sessions WHERE digest = ?", (session.digest,))

    def drop_all(self) -> None:
        """End all sessions."""
        self._live.clear()
        self._state.run("DELETE FROM sessions")

    def __len__(self) -> int:
        return len(self._live)

    def _locked(self, user: str, now: float) -> bool:
        row = self._state.first("SELECT locked_until FROM accounts WHERE user = ?", (user,))
        return row is not None and row[0] > now

    def _failed(
        self, user: str, knobs: FileCloudKnobs, now: float, text: str = "Invalid Username or Password"
    ) -> Login:
        row = self._state.first("SELECT failures FROM accounts WHERE user = ?", (user,))
        failures = (row[0] if row else 0) + 1
        until = 0.0
        if knobs.lockout_failures and failures >= knobs.lockout_failures:
            failures, until = 0, now + knobs.lockout_s
        self._state.run("INSERT OR REPLACE INTO accounts VALUES (?, ?, ?)", (user, failures, until))
        return Login(0, text)

    def _open(self, user: str, knobs: FileCloudKnobs, now: float) -> Login:
        if knobs.login_without_session:
            return Login(knobs.login_success_result, "")
        secret, seed, csrf = secrets.token_hex(20), secrets.token_hex(8), secrets.token_hex(16)
        session = Session(_digest(secret, seed), user, csrf, now)
        self._live[session.digest] = session
        self._state.run("INSERT INTO sessions VALUES (?, ?, ?, ?)", (session.digest, user, csrf, now))
        while knobs.max_sessions and len(self._live) > knobs.max_sessions:
            self.drop(next(iter(self._live.values())))
        cookies = {
            "tonido-login-user": user,
            "tonido-login-seed": seed,
            "tonido-login-hash": secret,
            "X-XSRF-TOKEN": csrf,
            "X-XSRF-TOKEN-user": csrf,
        }
        return Login(knobs.login_success_result, "", cookies)


def _digest(secret: str, seed: str) -> str:
    return hashlib.sha256(f"{seed}:{secret}".encode("utf-8", "replace")).hexdigest()


def csrf_missing(session: Session, header: str | None, agent: str, knobs: FileCloudKnobs) -> bool:
    """Say whether a call lacks the anti-CSRF header it needs (reference 2.3)."""
    asked = knobs.csrf == "strict" or (knobs.csrf == "browser_only" and "Mozilla/" in agent)
    return asked and header != session.csrf


def parse_cookies(header: str) -> dict[str, str]:
    """Split a Cookie header; the last of several equal names counts."""
    pairs = (part.strip().partition("=") for part in header.split(";"))
    return {name: value.strip('"') for name, _, value in pairs}
