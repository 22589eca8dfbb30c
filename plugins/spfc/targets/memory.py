"""A target in memory with every promise of a real one: for tests, demonstrations and dry studies."""

from __future__ import annotations

import itertools
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from spfc.errors import (
    ItemChanged,
    ItemError,
    ItemGone,
    MoveRefused,
    NameRefused,
    ServiceBusy,
    SpfcError,
    TargetChanged,
    TargetExists,
)
from spfc.planning.model import Kind, TargetEntry
from spfc.targets.base import Made, PutSpec
from spfc.targets.paths import MOST_NAMES, checked, levels_of, numbered


@dataclass(slots=True)
class _Node:
    name: str
    kind: Kind
    content: bytes = b""
    modified: int | None = None
    etag: str | None = None
    children: dict[str, _Node] = field(default_factory=dict)


class MemoryStream:
    """Implements :class:`spfc.targets.base.TargetStream` over bytes."""

    def __init__(self, content: bytes, offset: int) -> None:
        self.offset = offset
        self._rest = memoryview(content)[offset:]

    def read(self, size: int) -> bytes:
        """See the protocol."""
        chunk, self._rest = bytes(self._rest[:size]), self._rest[size:]
        return chunk

    def close(self) -> None:
        """See the protocol."""


class MemoryTarget:
    """A tree in memory. Names are kept as given and unique without regard to case and Unicode form.

    ``counts`` counts calls by operation, ``tree()`` shows everything below the root, ``retired()`` what lies beside it.
    ``etags=False`` plays a server without them. ``refused_names`` are refused with NameRefused. ``network_folders`` lie
    on another storage than the rest: moves in and out of them are refused. ``ignores_ranges`` opens files at their
    beginning whatever is asked. ``fail_next`` queues errors: each call raises the next one instead of doing anything.
    Thread safe.
    """

    def __init__(
        self, chunk_size: int = 64 * 1024, *, etags: bool = True, refused_names: frozenset[str] = frozenset()
    ) -> None:
        self.chunk_size = chunk_size
        self.counts: Counter[str] = Counter()
        self.fail_next: list[SpfcError] = []
        self._etags = etags
        self._refused = refused_names
        self.network_folders: set[str] = set()
        self.piecemeal = False
        """See the protocol."""
        self.ignores_ranges = False
        self.refusals = 0
        """See the protocol; counted up by tests."""
        self._serial = itertools.count(1)
        self._root = _Node("", Kind.FOLDER)
        self._outside = _Node("", Kind.FOLDER)
        self._staged: dict[str, bytearray] = {}
        self._lock = threading.RLock()

    @property
    def calls(self) -> int:
        """Calls answered or failed so far."""
        return self.counts.total()

    def tree(self) -> dict[str, bytes | None]:
        """Return every path with the content of files and None for folders."""
        with self._lock:
            return {path: node.content if node.kind is Kind.FILE else None for path, node in _walk("", self._root)}

    def retired(self) -> dict[str, bytes | None]:
        """Return what lies outside the root, as :meth:`tree` does, by its path at the service."""
        with self._lock:
            return {path: node.content if node.kind is Kind.FILE else None for path, node in _walk("", self._outside)}

    def stat(self, path: str) -> TargetEntry | None:
        """See the protocol."""
        with self._lock:
            self._count("stat")
            node = self._find(path)
            return _entry(path, node) if node is not None else None

    def list_folder(self, path: str) -> list[TargetEntry] | None:
        """See the protocol."""
        with self._lock:
            self._count("list_folder")
            node = self._find(path)
            if node is None or node.kind is not Kind.FOLDER:
                return None
            return [_entry(f"{path.rstrip('/')}/{child.name}", child) for child in node.children.values()]

    def make_folder(self, path: str) -> Made:
        """See the protocol."""
        with self._lock:
            self._count("make_folder")
            if path == "/":
                return Made.EXISTED
            folder, name = self._place(path)
            standing = folder.children.get(_key(name))
            if standing is not None:
                if standing.kind is Kind.FOLDER and _same(standing.name, name):
                    return Made.EXISTED
                raise _in_the_way(standing, path)
            folder.children[_key(name)] = _Node(name, Kind.FOLDER)
            return Made.CREATED

    def put_chunk(self, spec: PutSpec, offset: int, chunk: bytes, *, last: bool) -> TargetEntry | None:
        """See the protocol."""
        if last != (offset + len(chunk) == spec.size) or (not chunk and not last):
            raise ValueError(f"chunk of {len(chunk)} bytes at {offset} of {spec.size}, last={last}")
        with self._lock:
            self._count("put_chunk")
            folder, name = self._place(spec.path)
            self._check_preconditions(spec, folder.children.get(_key(name)), name)
            staged = bytearray() if offset == 0 else self._staged.pop(spec.path, bytearray())
            if offset > len(staged):
                raise ServiceBusy(f"chunk at {offset}, but only {len(staged)} bytes came before", item=spec.path)
            staged[offset:] = chunk
            if not last:
                self._staged[spec.path] = staged
                return None
            self._staged.pop(spec.path, None)
            etag = f"m{next(self._serial)}" if self._etags else None
            node = _Node(name, Kind.FILE, bytes(staged), spec.modified, etag)
            folder.children[_key(name)] = node
            return _entry(spec.path, node)

    def open(self, path: str, *, size: int, offset: int = 0) -> MemoryStream:
        """See the protocol."""
        with self._lock:
            self._count("open")
            node = self._find(path)
            if node is None or node.kind is not Kind.FILE:
                raise ItemGone("No such file is there.", item=path)
            if len(node.content) != size:
                raise ItemChanged(f"The file has {len(node.content)} bytes, not {size}.", item=path)
            return MemoryStream(node.content, 0 if self.ignores_ranges else offset)

    def spoil(self, path: str, content: bytes) -> None:
        """Let a file rot: other bytes under the same time and etag."""
        with self._lock:
            node = self._find(path)
            if node is None:
                raise KeyError(path)
            node.content = content

    def forget_staged(self) -> None:
        """Lose what has come of all uploads under way, as a server does that ends a session."""
        with self._lock:
            self._staged.clear()

    def move(self, old: str, new: str) -> None:
        """See the protocol."""
        with self._lock:
            self._count("move")
            node = self._find(old)
            target = self._find(new)
            if node is None:
                if target is not None:
                    return
                raise ItemGone("Nothing is there to be moved.", item=old)
            if (new + "/").startswith(old + "/") and old != new:
                raise ItemError("A folder cannot be moved into itself.", item=old)
            folder, name = self._place(new)
            standing = folder.children.get(_key(name))
            if standing is not None and standing is not node:
                raise _in_the_way(standing, new)
            if self._storage(old) != self._storage(new):
                raise MoveRefused("The target does not move between storages.", item=old)
            origin, old_name = self._place(old)
            del origin.children[_key(old_name)]
            node.name = name
            folder.children[_key(name)] = node

    def remove(self, path: str, kind: Kind) -> None:
        """See the protocol."""
        with self._lock:
            self._count("remove")
            if self._find(path) is not None:
                folder, name = self._place(path)
                del folder.children[_key(name)]

    def retire(self, path: str, kind: Kind, destination: str) -> str:
        """See the protocol; see :meth:`retired` for what became of it."""
        with self._lock:
            self._count("retire")
            checked(destination)
            node = self._find(path)
            if node is None:
                raise ItemGone("Nothing is there to be moved.", item=path)
            if self._storage(path):
                raise MoveRefused("The target does not move between storages.", item=path)
            above, _, name = destination.rpartition("/")
            where, place = self._made_outside(above)
            for number in range(1, MOST_NAMES + 1):
                goal = numbered(f"{where}/{name}", number)
                key = _key(goal.rpartition("/")[2])
                if key not in place.children:
                    folder, old_name = self._place(path)
                    del folder.children[_key(old_name)]
                    node.name = goal.rpartition("/")[2]
                    place.children[key] = node
                    return goal
            raise TargetExists(f"{MOST_NAMES} items of this name were retired already.", item=destination)

    def beside(self, root: str) -> MemoryTarget:
        """See the protocol. Counts, errors to come and everything else outside the root is shared."""
        with self._lock:
            return self._view(self._made_outside(root)[1])

    def close(self) -> None:
        """See the protocol."""

    def _count(self, operation: str) -> None:
        self.counts[operation] += 1
        if self.fail_next:
            raise self.fail_next.pop(0)

    def _check_preconditions(self, spec: PutSpec, standing: _Node | None, name: str) -> None:
        in_the_way = standing is not None and (
            standing.kind is Kind.FOLDER or spec.expect_absent or not _same(standing.name, name)
        )
        if standing is not None and in_the_way:
            raise _in_the_way(standing, spec.path)
        if self._etags and spec.expect_etag is not None:
            there = standing.etag if standing is not None else None
            if there != spec.expect_etag:
                raise TargetChanged(f"The file was changed; what is there now: etag {there}.", item=spec.path)

    def _view(self, root: _Node) -> MemoryTarget:
        other = MemoryTarget(self.chunk_size)
        other.__dict__ |= self.__dict__ | {"_root": root, "_staged": {}, "network_folders": set()}
        return other

    def _made_outside(self, path: str) -> tuple[str, _Node]:
        """Return a folder beside the root, made with all levels above it; a name that a file has gets a number."""
        where, node = "", self._outside
        for level in levels_of(path):
            names = (numbered(f"/{level}", number)[1:] for number in itertools.count(1))
            name = next(n for n in names if (c := node.children.get(_key(n))) is None or c.kind is Kind.FOLDER)
            node = node.children.setdefault(_key(name), _Node(name, Kind.FOLDER))
            where = f"{where}/{name}"
        return where, node

    def _storage(self, path: str) -> str | None:
        return next((root for root in self.network_folders if f"{path}/".startswith(f"{root}/")), None)

    def _find(self, path: str) -> _Node | None:
        node = self._root
        for name in levels_of(path):
            child = node.children.get(_key(name))
            if child is None or not _same(child.name, name):
                return None
            node = child
        return node

    def _place(self, path: str) -> tuple[_Node, str]:
        """Return the folder that ``path`` is in and its name. Raises ItemError when there is no such folder."""
        segments = levels_of(path)
        if not segments:
            raise ValueError("the target root itself is not ours to change")
        if segments[-1] in self._refused:
            raise NameRefused("The target refuses this name.", item=path)
        folder = self._find("/" + "/".join(segments[:-1]))
        if folder is None or folder.kind is not Kind.FOLDER:
            raise ItemError("The folder for this item is not there at the target.", item=path)
        return folder, segments[-1]


def _walk(path: str, node: _Node) -> Iterator[tuple[str, _Node]]:
    for child in node.children.values():
        below = f"{path}/{child.name}"
        yield below, child
        yield from _walk(below, child)


def _entry(path: str, node: _Node) -> TargetEntry:
    return TargetEntry(path, node.name, node.kind, len(node.content), node.modified, node.etag)


def _in_the_way(standing: _Node, path: str) -> TargetExists:
    return TargetExists(f"A {standing.kind} named {standing.name!r} is there already.", item=path)


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _same(one: str, other: str) -> bool:
    return unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)
