"""The change feed: tokens, rounds and pages of delta (Graph reference 6)."""

from __future__ import annotations

import base64
import binascii
import random
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from simulators.sharepoint.errors import GraphFailure
from simulators.sharepoint.items import Item
from simulators.sharepoint.knobs import SharePointKnobs
from simulators.sharepoint.library import Library
from simulators.sharepoint.wire import Json, Writer, matches

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


class Feed:
    """Turns the change log into pages. Use it with the library opened."""

    def __init__(self, library: Library, knobs: SharePointKnobs, writer: Writer) -> None:
        self._library = library
        self._knobs = knobs
        self._writer = writer
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
        foreign = token.change > self._library.store.change or token.list_id != self._library.ids.list
        if old or many or foreign:
            self.token_calls = 0
            raise GraphFailure(410, "resyncRequired", "Resync required.", inner=knobs.gone_code)
        return token

    def latest(self, now: float) -> Page:
        """Answer `token=latest`: nothing, and the link for what comes next."""
        return Page([], self._token(now, self._library.store.change).encode(), True)

    def page(self, token: Token | None, top: int, select: frozenset[str] | None, now: float) -> Page:
        """Return the page that a token stands for; no token starts with the current state."""
        store = self._library.store
        if token is not None and token.round:
            layout = store.load_round(token.round)
            if layout is None:
                raise GraphFailure(410, "resyncRequired", "Resync required.", inner=self._knobs.gone_code)
            return self._render(layout, token, select, now)
        since = token.change if token is not None else -1
        layout = self._layout(since, top)
        number = store.save_round(layout) if len(layout) > 1 else 0
        # `change` in a round's tokens is where the reader stands once the round is done.
        return self._render(layout, self._token(now, store.change, number, 0), select, now)

    def _token(self, now: float, change: int, number: int = 0, page: int = 0) -> Token:
        return Token(self._library.ids.list, now, change, number, page)

    def _by_time(self, text: str, now: float) -> Token | None:
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            return None
        seconds = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
        changes = (i.change for i in self._library.store.items.values() if i.changed_at > seconds)
        first = min(changes, default=self._library.store.change + 1)
        return self._token(now, first - 1)

    def _layout(self, since: int, top: int) -> list[list[str]]:
        living, gone = [], []
        for item in self._library.store.items.values():
            if item.change <= since or self._is_unlisted(item):
                continue
            if not item.deleted:
                living.append(item)
            elif since >= 0 and self._is_told(item):
                gone.append(item)
        gone.sort(key=lambda i: i.change)
        pages = [[i.id for i in part] for part in _parts(self._ordered(living), top)]
        pages += [[i.id for i in part] for part in _parts(gone, self._knobs.delta_deleted_page_size)]
        if pages:
            pages = [[] for _ in range(self._knobs.delta_empty_pages)] + pages
        return pages or [[]]

    def _is_unlisted(self, item: Item) -> bool:
        hidden = self._knobs.unlisted
        return bool(hidden) and matches(hidden, self._library.path(item))

    def _is_told(self, item: Item) -> bool:
        markers = self._knobs.delete_markers
        shown = item.marked or markers == "all" or (markers == "folders" and item.is_dir)
        silent = self._knobs.silent_delete
        return shown and not (silent and matches(silent, self._library.path(item)))

    def _ordered(self, items: list[Item]) -> list[Item]:
        order = self._knobs.delta_order
        if order == "random":
            items.sort(key=lambda i: i.change)
            random.Random(self._knobs.seed).shuffle(items)
            return items
        sign = 1 if order == "parents-first" else -1
        return sorted(items, key=lambda i: (sign * self._depth(i), i.change))

    def _depth(self, item: Item) -> int:
        depth = 0
        above = item.parent
        while above is not None:
            depth += 1
            above = self._library.store.items[above].parent
        return depth

    def _render(self, layout: list[list[str]], token: Token, select: frozenset[str] | None, now: float) -> Page:
        if token.page >= len(layout):
            raise GraphFailure(400, "invalidRequest", "The sync token is malformed.")
        store = self._library.store
        changed = [store.items[i] for i in layout[token.page]]
        shown = self._with_ancestors(changed) if self._knobs.delta_ancestors else changed
        value = [
            self._writer.deleted(i, select) if i.deleted else self._writer.item(i, select, feed=True) for i in shown
        ]
        if self._knobs.delta_dup_rate:
            value = self._with_stale(value, token)
        store.flush()
        last = token.page + 1 == len(layout)
        following = (
            self._token(now, token.change) if last else self._token(now, token.change, token.round, token.page + 1)
        )
        return Page(value, following.encode(), last)

    def _with_ancestors(self, changed: list[Item]) -> list[Item]:
        present = {item.id for item in changed}
        above: list[Item] = []
        for item in changed:
            for folder in self._library.ancestors(item):
                if folder.id in present or self._is_unlisted(folder):
                    continue
                present.add(folder.id)
                above.append(folder)
        if self._knobs.delta_order == "parents-first":
            above.sort(key=self._depth)
            return above + changed
        return changed + above

    def _with_stale(self, value: list[Json], token: Token) -> list[Json]:
        """Put an older state of some items before the present one: the last occurrence must win."""
        chance = random.Random(f"{self._knobs.seed}/{token.round}/{token.page}")
        stale = [_older(v) for v in value if "deleted" not in v and chance.random() < self._knobs.delta_dup_rate]
        return stale + value


def _older(value: Json) -> Json:
    old = dict(value)
    if "name" in old and "root" not in old:
        old["name"] = f"formerly {old['name']}"
    if "size" in old and "file" in old:
        old["size"] = int(old["size"]) + 1
    if "eTag" in old:
        head, _, number = str(old["eTag"])[:-1].rpartition(",")
        old["eTag"] = f'{head},{int(number) - 1}"'
    return old


def _parts(items: list[Item], size: int) -> Iterable[list[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
