"""A store of objects (S3, Azure Blob) as a target: files appear whole, folders are kept by custom."""

from __future__ import annotations

from collections.abc import Iterator

from spfc.errors import ItemChanged, ItemError, ItemGone, NameRefused, TargetExists
from spfc.planning.model import Kind, TargetEntry
from spfc.targets.base import Made, PutSpec
from spfc.targets.paths import checked, levels_of
from spfc.targets.storage.folders import Folders, Standing
from spfc.targets.storage.object_moves import Mover
from spfc.targets.storage.object_stream import ObjectStream
from spfc.targets.storage.object_uploads import Uploads
from spfc.targets.storage.store import OWN_NAMES, Blob, ConditionFailed, NotThere, Store

MIB = 1 << 20


class ObjectStoreTarget:
    """All objects below ``root`` (``/container/prefix``) as :class:`~spfc.targets.base.Target` promises.

    - A file is visible when its last chunk has been sent, not before. Where the store has conditional writes,
      ``expect_absent`` and ``expect_etag`` are decided by it; elsewhere by a look just before.
    - The modification time is metadata (``mtime``). ``stat`` tells it; listings do on Azure, but not on S3.
    - A folder is an empty object (``name/`` on S3, ``name`` marked ``hdi_isfolder`` on Azure). One without it exists
      as long as there is something in it, and gets one before we take anything out of it.
    - Names differ in case: ``a.txt`` and ``A.txt`` stand side by side.
    - Moving is copying inside the store, then removing: see :class:`~spfc.targets.storage.object_moves.Mover`.
    - A container must exist: ``make_folder("/")`` makes what is below it, and raises PlaceNotFound without it.
    - Service paths, as in :meth:`retire` and :meth:`beside`, are ``/container/path``.
    """

    piecemeal = True
    """See the protocol."""

    def __init__(self, store: Store, root: str, *, chunk_size: int = 16 * MIB, folders: Folders | None = None) -> None:
        self.chunk_size = chunk_size
        self.root = checked(root.rstrip("/") or "/")
        if self.root == "/":
            raise ValueError("the root of a target in a store of objects is a container or below one, not '/'")
        self._base = self.root[1:]
        self._store = store
        self._folders = folders or Folders(store)
        self._uploads = Uploads(store, chunk_size)
        self._mover = Mover(store, self._folders)
        self._vaults: list[ObjectStoreTarget] = []

    @property
    def calls(self) -> int:
        """Requests sent so far."""
        return self._store.meter.calls

    @property
    def refusals(self) -> int:
        """Requests that were turned away for now, and connections that could not be made."""
        return self._store.meter.refusals

    def stat(self, path: str) -> TargetEntry | None:
        """See the protocol. One request for a file; one more for anything else."""
        key = self._key(path)
        if path == "/":
            self._store.page(f"{key}/", 1)
            return TargetEntry("/", "", Kind.FOLDER)
        if _is_ours(path):
            return None
        found = self._store.head(key)
        if found is not None and not found.marks:
            return _entry(path, found)
        if found is None and not self._store.page(f"{key}/", 1)[0]:
            return None
        return TargetEntry(path, path.rpartition("/")[2], Kind.FOLDER)

    def list_folder(self, path: str) -> list[TargetEntry] | None:
        """See the protocol. One request per 1000 entries (5000 on Azure)."""
        prefix = f"{self._key(path)}/"
        blobs, deeper = self._store.level(prefix)
        if not blobs and not deeper and path != "/" and not self._is_empty_folder(prefix.rstrip("/")):
            return None
        return list(_children(path, prefix, blobs, deeper))

    def make_folder(self, path: str) -> Made:
        """See the protocol and the class. Two requests for a new one."""
        if path == "/":
            return self._make_root()
        key = self._place(path)
        standing = self._folders.look(key)
        if standing.file is not None:
            raise _in_the_way(path, standing)
        if standing.folder:
            return Made.EXISTED
        try:
            self._folders.mark(key)
        except ConditionFailed:
            standing = self._folders.look(key)
            if standing.file is not None:
                raise _in_the_way(path, standing) from None
            return Made.EXISTED
        return Made.CREATED

    def put_chunk(self, spec: PutSpec, offset: int, chunk: bytes, *, last: bool) -> TargetEntry | None:
        """See the protocol. Two requests for a file of one chunk; n + 5 for one of n."""
        if last != (offset + len(chunk) == spec.size) or (not chunk and not last):
            raise ValueError(f"chunk of {len(chunk)} bytes at {offset} of {spec.size}, last={last}")
        key = self._place(spec.path)
        if offset == 0 or last:
            self._uploads.check(spec, self._folders.look(key))
        if not last:
            self._uploads.send(spec, key, offset, chunk)
            return None
        etag = self._uploads.finish(spec, key, offset, chunk)
        return TargetEntry(spec.path, spec.path.rpartition("/")[2], Kind.FILE, spec.size, spec.modified, etag)

    def open(self, path: str, *, size: int, offset: int = 0) -> ObjectStream:
        """See the protocol. One request, and one for each chunk after the first; all are of one version."""
        if path == "/":
            raise ItemGone("No such file is there.", item=path)
        try:
            return ObjectStream(self._store, self._key(path), path, size=size, offset=offset, ahead=self.chunk_size)
        except NotThere:
            raise ItemGone("No such file is there.", item=path) from None
        except ConditionFailed:
            raise ItemChanged(f"The file has not {size} bytes.", item=path) from None

    def move(self, old: str, new: str) -> None:
        """See the protocol."""
        source, goal = self._key_below_root(old), self._key_below_root(new)
        if new.startswith(f"{old}/"):
            raise ItemError("A folder cannot be moved into itself.", item=old)
        standing = self._folders.look(source)
        if not standing.free:
            self._place(new)
        self._mover.move(source, goal, standing)

    def remove(self, path: str, kind: Kind) -> None:
        """See the protocol. One request for a file; for a folder, per 1000 objects (on Azure for each), and to list."""
        key = self._key_below_root(path)
        self._folders.keep(key.rpartition("/")[0])
        if kind is Kind.FILE:
            self._store.delete([key])
            return
        self._folders.forget(key)
        self._mover.delete_below(key)

    def retire(self, path: str, kind: Kind, destination: str) -> str:
        """See the protocol."""
        source = self._key_below_root(path)
        checked(destination)
        if f"{destination}/".startswith(f"{self.root}/"):
            raise ValueError(f"{destination!r} lies inside the target root {self.root!r}")
        return "/" + self._mover.retire(source, destination[1:])

    def beside(self, root: str) -> ObjectStoreTarget:
        """See the protocol."""
        vault = ObjectStoreTarget(self._store, root, chunk_size=self.chunk_size, folders=self._folders)
        self._vaults.append(vault)
        return vault

    def close(self) -> None:
        """See the protocol. Uploads of small files that were not completed are thrown away; big ones may go on."""
        for vault in self._vaults:
            vault.close()
        self._uploads.close()
        self._store.close()

    def _make_root(self) -> Made:
        if "/" not in self._base:
            self._store.page(f"{self._base}/", 1)
            return Made.EXISTED
        standing = self._folders.look(self._base)
        if standing.folder:
            return Made.EXISTED
        try:
            self._folders.mark(self._base)
        except ConditionFailed:
            return Made.EXISTED
        return Made.CREATED

    def _is_empty_folder(self, key: str) -> bool:
        """Say whether a folder that shows nothing is there by its object, where that does not lie in it."""
        if self._store.marker(key) != key:
            return False
        found = self._store.head(key)
        return found is not None and found.marks

    # -- keys ----------------------------------------------------------------------------------------

    def _key(self, path: str) -> str:
        return self._base + checked(path).rstrip("/")

    def _key_below_root(self, path: str) -> str:
        if not levels_of(path):
            raise ValueError("the target root itself is not ours to change")
        if _is_ours(path):
            raise NameRefused("This name is spfc's own.", item=path)
        return self._key(path)

    def _place(self, path: str) -> str:
        """Return the key of an item whose folder must be there. No request when that is known."""
        key = self._key_below_root(path)
        folder = key.rpartition("/")[0]
        if folder != self._base and not self._folders.exists(folder):
            raise ItemError("The folder for this item is not there at the target.", item=path)
        return key


def _is_ours(path: str) -> bool:
    return path.rpartition("/")[2] in OWN_NAMES


def _children(path: str, prefix: str, blobs: list[Blob], deeper: list[str]) -> Iterator[TargetEntry]:
    """Yield entries for what a listing of ``prefix`` shows; names that no path can have are nobody's business."""
    above = path.rstrip("/")
    folders = {key[len(prefix) :].rstrip("/") for key in deeper}
    folders |= {blob.key[len(prefix) :] for blob in blobs if blob.marks}
    for name in sorted(folders):
        if name not in ("", ".", "..") and name not in OWN_NAMES:
            yield TargetEntry(f"{above}/{name}", name, Kind.FOLDER)
    for blob in blobs:
        name = blob.key[len(prefix) :]
        if not blob.marks and name not in ("", ".", "..") and name not in OWN_NAMES:
            yield _entry(f"{above}/{name}", blob)


def _entry(path: str, blob: Blob) -> TargetEntry:
    return TargetEntry(path, path.rpartition("/")[2], Kind.FILE, blob.size, blob.modified, blob.etag)


def _in_the_way(path: str, standing: Standing) -> TargetExists:
    what = "A file" if standing.file is not None else "A folder"
    return TargetExists(f"{what} named {path.rpartition('/')[2]!r} is there already.", item=path)
