"""The change feed: tokens, rounds and pages of delta, of files as of list rows (Graph reference 6, 7)."""

from __future__ import annotations

import base64
import binascii
import random
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar

from simulators.sharepoint.errors import GraphFailure
from simulators.sharepoint.knobs import SharePointKnobs
from simulators.sharepoint.rounds import Layout, Rounds
from simulators.sharepoint.wire import Json

_TICKS_AT_EPOCH = 621_355_968_000_000_000  # .NET ticks (100 ns since year 1) at 1970-01-01


@dataclass(frozen=True, slots=True)
class Token:
    """Where a reader stands: all changes up to `change` are known; within a round, the next page to read.

    Written like the published ones (reference 6.3): base64url of fields joined by semicolons, with the
    list id, .NET ticks of issue and the change number.
    """

    list_id: uuid.UUID
    issued: float
    change: int
    round: int = 0
    page: int = 0

    def encode(self) -> str:
        """Return the opaque text."""
        ticks = _TICKS_AT_EPOCH + int(self.issued * 1e7)
        text = f"3;%231;3;{self.list_id};{ticks};{self.change};{self.round};{self.page}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Token | None:
        """Return the token, or None when it is not one of ours."""
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
            head, mark, kind, list_id, ticks, change, number, page = raw.split(";")
            if (head, mark, kind) != ("3", "%231", "3"):
                return None
            issued = (int(ticks) - _TICKS_AT_EPOCH) / 1e7
            return cls(uuid.UUID(list_id), issued, int(change), int(number), int(page))
        except (binascii.Error, ValueError):
            return None


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of delta: the values and the token of the link; `last` says which link it is."""

    value: list[Json]
    token: str
    last: bool


class Entry(Protocol):
    """What a feed tells of: when it changed last, by number and by the clock, and whether it is gone."""

    change: int
    changed_at: float
    deleted: bool


E = TypeVar("E", bound=Entry)


class Subject(Protocol[E]):
    """The change log of one library or list."""

    @property
    def list_id(self) -> uuid.UUID:
        """The list that tokens name."""

    @property
    def change(self) -> int:
        """The number of the last change."""

    @property
    def rounds(self) -> Rounds:
        """Where open rounds are kept."""

    def entries(self) -> Iterable[E]:
        """Return all that was ever there."""

    def key(self, entry: E) -> str:
        """Return what `entry` is found by."""

    def entry(self, key: str) -> E:
        """Return what a key stands for."""

    def is_listed(self, entry: E) -> bool:
        """Say whether the feed may show this at all."""

    def is_told(self, entry: E) -> bool:
        """Say whether the feed tells that this was deleted."""

    def depth(self, entry: E) -> int:
        """Return how many folders are above."""

    def shown(self, changed: list[E]) -> list[E]:
        """Return what a page shows for its share of changes."""

    def older(self, entry: E, value: Json) -> Json | None:
        """Return `value` as it might have been earlier in the round, None when there is no such state."""

    def settle(self) -> None:
        """Write down what rendering found out."""


class Feed(Generic[E]):
    """Turns a change log into pages. Use it with the subject held still."""

    def __init__(self, subject: Subject[E], knobs: SharePointKnobs) -> None:
        self._subject = subject
        self._knobs = knobs
        self.token_calls = 0

    def parse(self, text: str, now: float) -> Token:
        """Read a client's token, opaque or a timestamp; raises GraphFailure 400 or 410."""
        token = Token.decode(text) or self._by_time(text, now)
        if token is None:
            raise GraphFailure(400, "invalidRequest", "The sync token is malformed.")
        self.token_calls += 1
        knobs = self._knobs
        old = knobs.gone_after_s is not None and now - token.issued > knobs.gone_after_s
        many = knobs.gone_after_calls is not None and self.token_calls > knobs.gone_after_calls
        foreign = token.change > self._subject.change or token.list_id != self._subject.list_id
        if old or many or foreign:
            self.token_calls = 0
            raise GraphFailure(410, "resyncRequired", "Resync required.", inner=knobs.gone_code)
        return token

    def latest(self, now: float) -> Page:
        """Answer `token=latest`: nothing, and the link for what comes next."""
        return Page([], self._token(now, self._subject.change).encode(), True)

    def page(self, token: Token | None, top: int, write: Callable[[E], Json], now: float) -> Page:
        """Return the page that a token stands for, each entry by `write`; no token starts with the current state."""
        if token is not None and token.round:
            layout = self._subject.rounds.load(token.round)
            if layout is None:
                raise GraphFailure(410, "resyncRequired", "Resync required.", inner=self._knobs.gone_code)
            return self._render(layout, token, write, now)
        since = token.change if token is not None else -1
        layout = self._layout(since, top)
        number = self._subject.rounds.save(layout) if len(layout) > 1 else 0
        # `change` in a round's tokens is where the reader stands once the round is done.
        return self._render(layout, self._token(now, self._subject.change, number, 0), write, now)

    def _token(self, now: float, change: int, number: int = 0, page: int = 0) -> Token:
        return Token(self._subject.list_id, now, change, number, page)

    def _by_time(self, text: str, now: float) -> Token | None:
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            return None
        seconds = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
        changes = (entry.change for entry in self._subject.entries() if entry.changed_at > seconds)
        first = min(changes, default=self._subject.change + 1)
        return self._token(now, first - 1)

    def _layout(self, since: int, top: int) -> Layout:
        living, gone, subject = [], [], self._subject
        for entry in subject.entries():
            if entry.change <= since or not subject.is_listed(entry):
                continue
            if not entry.deleted:
                living.append(entry)
            elif since >= 0 and subject.is_told(entry):
                gone.append(entry)
        gone.sort(key=lambda entry: entry.change)
        key = subject.key
        pages = [[key(entry) for entry in part] for part in _parts(self._ordered(living), top)]
        pages += [[key(entry) for entry in part] for part in _parts(gone, self._knobs.delta_deleted_page_size)]
        if pages:
            pages = [[] for _ in range(self._knobs.delta_empty_pages)] + pages
        return pages or [[]]

    def _ordered(self, entries: list[E]) -> list[E]:
        order = self._knobs.delta_order
        if order == "random":
            entries.sort(key=lambda entry: entry.change)
            random.Random(self._knobs.seed).shuffle(entries)
            return entries
        sign = 1 if order == "parents-first" else -1
        return sorted(entries, key=lambda entry: (sign * self._subject.depth(entry), entry.change))

    def _render(self, layout: Layout, token: Token, write: Callable[[E], Json], now: float) -> Page:
        if token.page >= len(layout):
            raise GraphFailure(400, "invalidRequest", "The sync token is malformed.")
        subject = self._subject
        shown = subject.shown([subject.entry(key) for key in layout[token.page]])
        value = [write(entry) for entry in shown]
        if self._knobs.delta_dup_rate:
            value = self._stale(shown, value, token) + value
        subject.settle()
        last = token.page + 1 == len(layout)
        following = (
            self._token(now, token.change) if last else self._token(now, token.change, token.round, token.page + 1)
        )
        return Page(value, following.encode(), last)

    def _stale(self, shown: Sequence[E], value: Sequence[Json], token: Token) -> list[Json]:
        """Return older states of some entries, to stand before the present one: the last occurrence must win."""
        chance = random.Random(f"{self._knobs.seed}/{token.round}/{token.page}")
        older = (self._subject.older(entry, now) for entry, now in zip(shown, value, strict=True))
        return [state for state in older if state is not None and chance.random() < self._knobs.delta_dup_rate]


def _parts(entries: list[E], size: int) -> Iterable[list[E]]:
    for start in range(0, len(entries), size):
        yield entries[start : start + size]
