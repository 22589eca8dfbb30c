"""A model library that lives by SharePoint's rules, and tells of it as SharePoint's change feed does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from tests.planning.trees import ROOT

from spfc.errors import CursorExpired, ItemGone, SpfcError
from spfc.planning.model import Kind, SourceItem
from spfc.planning.names import fold, target_name
from spfc.quickxor import QuickXor
from spfc.sources.base import Binding, ChangePage, Usage
from spfc.sources.memory import MemoryStream

NAMES = ("a", "b", "c.txt", "skip.me", "d.", "straße", "STRASSE", "A", "~\u201bx")
"""Few names, so that they collide: by case, and at the target only (ß); one is excluded, two need substitutes."""

ANCHOR = "anchor"
"""A file that nobody touches: a library that is suddenly empty is not believed, and that is not our subject here."""

SECONDS_PER_CHANGE = 10
"""Apart enough that the time of a file tells its versions from each other (FileCloud reference 3.3: 2 s)."""

Step = tuple[str, int, int, int]


class Library:
    """Implements :class:`spfc.sources.base.Source` over a tree that :meth:`step` changes.

    Ids are stable, a restored item has its old id, names are unique per folder without regard to case. The feed tells
    of every item that changed since the cursor, in its present state, in random order and pages; ancestors are
    repeated, an older state may come first, deleted items have no name, a deleted or restored folder may be told
    without what is in it, and a silent deletion is not told at all. ``seed`` 0 means a feed without any surprise.
    ``served`` is every content that an item ever had. ``interludes`` are changes that happen when the library has been
    called so many times; ``trouble`` are errors that come instead of an answer. With ``has_feed`` off, only beginnings
    can be asked for.
    """

    def __init__(self, seed: int) -> None:
        self.items: dict[str, SourceItem] = {ROOT.id: ROOT}
        self.contents: dict[str, bytes] = {}
        self.served: dict[str, set[bytes]] = {}
        self.names: dict[str, set[str]] = {}
        """Folded target names that there ever were, each with the ids of the items that had them."""
        self.interludes: dict[int, Callable[[], None]] = {}
        self.trouble: dict[int, SpfcError] = {}
        self.requests = 0
        self.has_feed = True
        self._bin: list[tuple[str, ...]] = []
        self._told: dict[str, int] = {ROOT.id: 1}
        self._older: dict[str, SourceItem] = {}
        self._serial = 1
        self._pages: list[tuple[tuple[SourceItem, ...], str, bool]] = []
        self._random = Random(seed) if seed else None
        self._write(SourceItem(ANCHOR, ROOT.id, ANCHOR, Kind.FILE), b"anchor")

    # What people do

    def step(self, kind: str, one: int, two: int, three: int) -> None:
        getattr(self, f"_{kind}")(one, two, three)

    def _new_file(self, place: int, name: int, content: int) -> None:
        item = SourceItem(self._next(), self._folder(place), NAMES[name % len(NAMES)], Kind.FILE)
        if self._free(item):
            self._write(item, b"v%d" % (content % 3) * (content % 14))

    def _new_folder(self, place: int, name: int, _: int) -> None:
        item = SourceItem(self._next(), self._folder(place), NAMES[name % len(NAMES)], Kind.FOLDER)
        if self._free(item):
            self._change(item)

    def _edit(self, which: int, content: int, _: int) -> None:
        if item := self._pick(which, Kind.FILE):
            self._write(item, b"e%d" % (content % 4) * (content % 14))

    def _edit_back(self, which: int, content: int, _: int) -> None:
        if item := self._pick(which, Kind.FILE):
            old = sorted(self.served[item.id])
            self._write(item, old[content % len(old)])

    def _retag(self, which: int, touch: int, _: int) -> None:
        if item := self._pick(which):
            later = self._time() if touch % 2 and item.kind is Kind.FILE else item.modified
            self._change(replace(item, modified=later))

    def _lie(self, which: int, none: int, _: int) -> None:
        """List another hash than that of the bytes, as happens to Office files; or none."""
        if item := self._pick(which, Kind.FILE):
            self._change(replace(item, hash=None if none % 2 else "AAAAAAAAAAAAAAAAAAAAAAAAAAE="))

    def _rename(self, which: int, name: int, _: int) -> None:
        if item := self._pick(which):
            named = NAMES[name % len(NAMES)] if name % 4 else item.name.swapcase()
            self._try(replace(item, name=named))

    def _move(self, which: int, place: int, name: int) -> None:
        if item := self._pick(which):
            named = item.name if name % 2 else NAMES[name % len(NAMES)]
            self._try(replace(item, parent_id=self._folder(place), name=named))

    def _nest(self, which: int, other: int, _: int) -> None:
        """Move a folder into one of its siblings; the sibling may go up to where its parent is."""
        item = self._pick(which, Kind.FOLDER)
        siblings = [i for i in self._live(Kind.FOLDER) if item and i.parent_id == item.parent_id and i.id != item.id]
        if item and siblings:
            self._try(replace(item, parent_id=siblings[other % len(siblings)].id))

    def _lift(self, which: int, _: int, __: int) -> None:
        """Move an item up; with nest before it, folder and parent change places."""
        item = self._pick(which)
        if item and item.parent_id != ROOT.id:
            self._try(replace(item, parent_id=self.items[str(item.parent_id)].parent_id))

    def _cycle(self, which: int, count: int, _: int) -> None:
        """Two or three siblings take each other's names."""
        first = self._pick(which)
        ring = [i for i in self._live() if first and i.parent_id == first.parent_id and i.id != ANCHOR][: 2 + count % 2]
        names = [item.name for item in ring]
        for item, name in zip(ring, names[1:] + names[:1], strict=True):
            self._change(replace(item, name=name))

    def _delete(self, which: int, told: int, _: int) -> None:
        """Delete an item with all below it; the feed tells of all of it, of the top, or of nothing."""
        if top := self._pick(which):
            self._discard(top.id, 2 if told % 7 == 6 else told % 2)

    def _restore(self, which: int, told: int, _: int) -> None:
        """Bring the items of one deletion back; the feed may tell of the top only."""
        if not self._bin:
            return
        gone = self._bin[which % len(self._bin)]
        top = self.items[gone[0]]
        parent = self.items[str(top.parent_id)]
        if parent.deleted or not self._free(top):
            return
        self._bin.remove(gone)
        for item_id in gone:
            self.items[item_id] = replace(self.items[item_id], deleted=False)
        for item_id in gone if told % 2 else gone[:1]:
            self._tell(item_id)

    def _recreate(self, which: int, keep: int, told: int) -> None:
        """Delete an item and put a new one of its name there; some of its children move over."""
        old = self._pick(which)
        if old is None:
            return
        new = replace(old, id=self._next())
        for child in [item for item in self._live() if item.parent_id == old.id][: keep % 3]:
            self._change(replace(child, parent_id=new.id))
        self._discard(old.id, told % 2)
        if new.kind is Kind.FILE:
            self._write(new, self.contents[old.id])
        else:
            self._change(new)

    def _discard(self, top: str, told: int) -> None:
        gone = tuple(self._below(top))
        self._bin.append(gone)
        for item_id in gone:
            self.items[item_id] = replace(self.items[item_id], deleted=True)
        for item_id in (gone[:1], gone, ())[told]:
            self._tell(item_id)

    # What an outsider may ask

    def wanted(self, excluded: Callable[[str], bool]) -> dict[str, SourceItem]:
        """Return all live items that no filter excludes, the root too."""
        found: dict[str, SourceItem] = {}
        queue = [(ROOT.id, "")]
        while queue:
            item_id, path = queue.pop()
            found[item_id] = self.items[item_id]
            below = [(item.id, f"{path}/{item.name}") for item in self._live() if item.parent_id == item_id]
            queue += [(child, where) for child, where in below if not excluded(where)]
        return found

    # The source protocol

    @property
    def usage(self) -> Usage:
        return Usage(self.requests, self.requests)

    def bind(self, known: Binding | None) -> Binding:
        return known or {"place": "model"}

    def changes(self, cursor: str | None) -> ChangePage:
        self._call()
        if cursor is None or cursor == "fresh":
            return self._begin([i.id for i in self.items.values() if not i.deleted])
        kind, _, number = cursor.partition(":")
        if kind == "at" and not self.has_feed:
            raise CursorExpired("There is no change feed.")
        if kind == "at":
            return self._begin([i for i, told in self._told.items() if told > int(number)])
        if int(number) >= len(self._pages):
            raise CursorExpired("There is no such cursor.")
        return ChangePage(*self._pages[int(number)])

    def close(self) -> None:
        """Nothing is held."""

    def refresh(self, item_id: str) -> SourceItem | None:
        self._call()
        item = self.items.get(item_id)
        return None if item is None or item.deleted else item

    def open(self, item: SourceItem, *, offset: int = 0) -> MemoryStream:
        self._call()
        now = self.items[item.id]
        if now.deleted:
            raise ItemGone("The source has no such item any more.", item=item.name)
        content = self.contents[item.id]
        return MemoryStream(content, offset=offset, length=len(content), version=now.version, breaks_at=None)

    # The feed

    def _begin(self, ids: list[str]) -> ChangePage:
        """Cut a round into pages and return the first one."""
        end = f"at:{self._serial}"
        items = [self._observed(item_id) for item_id in sorted(ids, key=lambda i: self._told[i])]
        if self._random is None or not items:
            return ChangePage(tuple(items), end, True)
        pages = self._cut(self._surprise(items, self._random), self._random)
        first = len(self._pages)
        for number, page in enumerate(pages, 1):
            last = number == len(pages)
            self._pages.append((page, end if last else f"page:{first + number}", last))
        return ChangePage(*self._pages[first])

    def _surprise(self, items: list[SourceItem], random: Random) -> list[SourceItem]:
        """Shuffle, repeat ancestors, and let older states come before what is true."""
        told = list(items)
        if random.random() < 0.7:
            random.shuffle(told)
        for item in items:
            if random.random() < 0.3 and item.parent_id in self.items and not self.items[item.parent_id].deleted:
                told.insert(random.randrange(len(told) + 1), self.items[item.parent_id])
        for item in items:
            if random.random() < 0.3 and item.id in self._older:
                first = next(place for place, each in enumerate(told) if each.id == item.id)
                told.insert(random.randrange(first + 1), self._older[item.id])
        return told

    @staticmethod
    def _cut(items: list[SourceItem], random: Random) -> list[tuple[SourceItem, ...]]:
        pages: list[tuple[SourceItem, ...]] = []
        rest = items
        while rest:
            size = random.choice((0, 1, 2, 3, 7, len(rest)))
            pages.append(tuple(rest[:size]))
            rest = rest[size:]
        return pages

    def _observed(self, item_id: str) -> SourceItem:
        item = self.items[item_id]
        if not item.deleted:
            return item
        shape = self._random.randrange(3) if self._random else 0
        return SourceItem(
            item.id,
            None if shape == 2 else item.parent_id,
            "",
            item.kind if shape == 0 else Kind.FILE,
            deleted=True,
        )

    # Bookkeeping

    def _call(self) -> None:
        self.requests += 1
        change = self.interludes.pop(self.requests, None)
        if change is not None:
            change()
        error = self.trouble.pop(self.requests, None)
        if error is not None:
            raise error

    def _next(self) -> str:
        self._serial += 1
        return f"i{self._serial}"

    def _time(self) -> int:
        return 1_600_000_000 + self._serial * SECONDS_PER_CHANGE

    def _write(self, item: SourceItem, content: bytes) -> None:
        hashed = QuickXor()
        hashed.update(content)
        self._serial += 1
        self.contents[item.id] = content
        self.served.setdefault(item.id, set()).add(content)
        self._change(replace(item, size=len(content), hash=hashed.base64(), modified=self._time()))

    def _change(self, item: SourceItem) -> None:
        known = self.items.get(item.id)
        if known is not None and not known.deleted:
            self._older[item.id] = known
        self._serial += 1
        self.items[item.id] = replace(item, version=f"t{self._serial}")
        self.names.setdefault(fold(target_name(item.name, item.id)), set()).add(item.id)
        self._tell(item.id)

    def _tell(self, item_id: str) -> None:
        self._serial += 1
        self._told[item_id] = self._serial

    def _try(self, item: SourceItem) -> None:
        if self._free(item) and item.parent_id not in self._below(item.id):
            self._change(item)

    def _free(self, wanted: SourceItem) -> bool:
        return not any(
            item.parent_id == wanted.parent_id and item.name.lower() == wanted.name.lower() and item.id != wanted.id
            for item in self._live()
        )

    def _live(self, *kinds: Kind) -> list[SourceItem]:
        return [i for i in self.items.values() if not i.deleted and not i.is_root and (not kinds or i.kind in kinds)]

    def _pick(self, number: int, *kinds: Kind) -> SourceItem | None:
        choice = [item for item in self._live(*kinds) if item.id != ANCHOR]
        return choice[number % len(choice)] if choice else None

    def _folder(self, number: int) -> str:
        folders = [ROOT, *self._live(Kind.FOLDER)]
        return folders[number % len(folders)].id

    def _below(self, top: str) -> list[str]:
        """Return the ids of a live item and of what lives below it, parents first."""
        found = [top]
        for item_id in found:
            found += [item.id for item in self._live() if item.parent_id == item_id]
        return found
