"""The journal: one entry for each request that a simulator received, free of secrets."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from simulators.common.clock import Clock, SystemClock

SECRET_NAMES = frozenset(
    {
        "tempauth", "token", "password", "passwd", "client_secret", "client_assertion", "access_token",
        "refresh_token", "assertion", "oldpassword", "newpassword", "code", "authenticationtoken",
    }
)  # fmt: skip
MASK = "***"
_NAMES = "|".join(sorted(SECRET_NAMES))
_IN_QUERY = re.compile(rf"([?&](?:%24|\$)?(?:{_NAMES})=)[^&#]*", re.IGNORECASE)
_IN_FUNCTION = re.compile(r"(token=)('|%27)[^)]*?(\2)", re.IGNORECASE)


def redact_path(raw: str) -> str:
    """Return a raw path with query, the values of secret parameters replaced by ***."""
    if "=" not in raw:
        return raw
    return _IN_FUNCTION.sub(rf"\1\2{MASK}\3", _IN_QUERY.sub(rf"\1{MASK}", raw))


def redact_params(params: Mapping[str, str]) -> dict[str, str]:
    """Return a copy of decoded parameters, the values of secret ones replaced by ***."""
    return {k: (MASK if k.lower().lstrip("$") in SECRET_NAMES else v) for k, v in params.items()}


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One request and how it was answered.

    Times are seconds since the epoch by the simulator's clock; sizes are bytes of the body. `status` is 0
    when the connection was cut instead of answered. `seq` is given by the journal, from 1, in the order in
    which answers were decided.
    """

    service: str
    method: str
    path: str
    operation: str
    params: Mapping[str, str] = field(default_factory=dict)
    item: str | None = None
    status: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    units: int = 0
    start: float = 0.0
    end: float = 0.0
    session: str | None = None
    fault: str | None = None
    has_authorization: bool = False
    user_agent: str = ""
    seq: int = 0


class Journal:
    """Keeps entries in memory and, when a path is given, appends each as one flushed JSON line.

    `keep` bounds the entries held in memory (None = all); totals are never bounded. Thread safe.
    """

    def __init__(self, path: Path | None = None, clock: Clock | None = None, keep: int | None = None) -> None:
        self.clock: Clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._entries: deque[JournalEntry] = deque(maxlen=keep)
        self._seq = 0
        self._calls: Counter[tuple[str, str]] = Counter()
        self._units: Counter[tuple[str, str]] = Counter()
        self._path = path
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)

    def record(self, entry: JournalEntry) -> JournalEntry:
        """Redact, number and keep `entry`; return it as it was kept."""
        clean_path, clean_params = redact_path(entry.path), redact_params(entry.params)
        with self._lock:
            self._seq += 1
            kept = replace(entry, seq=self._seq, path=clean_path, params=clean_params)
            self._entries.append(kept)
            self._calls[kept.service, kept.operation] += 1
            self._units[kept.service, kept.operation] += kept.units
            if self._path is not None:
                # Opened for each line: the file may be rotated or removed by its reader at any time.
                with self._path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                    file.write(json.dumps(asdict(kept), ensure_ascii=False) + "\n")
        return kept

    @property
    def entries(self) -> list[JournalEntry]:
        """Return the entries held in memory, oldest first."""
        with self._lock:
            return list(self._entries)

    def mark(self) -> int:
        """Return the present position, to be given to `since` later."""
        return self._seq

    def since(self, mark: int) -> list[JournalEntry]:
        """Return the entries recorded after `mark`."""
        with self._lock:
            fresh = []
            for entry in reversed(self._entries):
                if entry.seq <= mark:
                    break
                fresh.append(entry)
        fresh.reverse()
        return fresh

    def count(self, service: str | None = None, operation: str | None = None, since: int | None = None) -> int:
        """Count requests by service and operation (None = any), of all time or after a mark."""
        if since is not None:
            return sum(service in (None, e.service) and operation in (None, e.operation) for e in self.since(since))
        with self._lock:
            return sum(n for (s, o), n in self._calls.items() if service in (None, s) and operation in (None, o))

    def totals(self) -> dict[str, dict[str, dict[str, int]]]:
        """Return calls and units by service and operation, of all time."""
        result: dict[str, dict[str, dict[str, int]]] = {}
        with self._lock:
            for (service, operation), calls in self._calls.items():
                units = self._units[service, operation]
                result.setdefault(service, {})[operation] = {"calls": calls, "units": units}
        return result


class SessionLabels:
    """Gives each secret session value a stable, anonymous label ("s1", "s2", ...)."""

    def __init__(self, prefix: str = "s") -> None:
        self._prefix = prefix
        self._labels: dict[bytes, str] = {}

    def label(self, secret: str | None) -> str | None:
        """Return the label of a session secret, or None when there is none; only a digest is kept."""
        if not secret:
            return None
        digest = hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()[:12]
        return self._labels.setdefault(digest, f"{self._prefix}{len(self._labels) + 1}")
