"""A target that only looks: a change that was made before is confirmed, one half made is ended, no other is begun."""

from __future__ import annotations

from spfc.errors import ItemGone, NotReached, TargetExists
from spfc.planning.model import Kind, TargetEntry
from spfc.targets.base import Made, PutSpec, Target, TargetStream


class Onlooker:
    """Answers every change of a :class:`~spfc.targets.base.Target` from what stands there: success when it is done.

    Raises :class:`~spfc.errors.NotReached` otherwise. Uploads cannot be told from a path alone, so they are refused.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self.chunk_size = target.chunk_size
        self.piecemeal = target.piecemeal

    @property
    def calls(self) -> int:
        """See the protocol."""
        return self._target.calls

    @property
    def refusals(self) -> int:
        """See the protocol."""
        return self._target.refusals

    def stat(self, path: str) -> TargetEntry | None:
        """See the protocol."""
        return self._target.stat(path)

    def list_folder(self, path: str) -> list[TargetEntry] | None:
        """See the protocol."""
        return self._target.list_folder(path)

    def make_folder(self, path: str) -> Made:
        """Confirm a folder that is there: one call."""
        found = self.stat(path)
        if found is None or found.kind is not Kind.FOLDER:
            raise NotReached("The folder is not there.", item=path)
        return Made.EXISTED

    def put_chunk(self, spec: PutSpec, offset: int, chunk: bytes, *, last: bool) -> TargetEntry | None:
        """Refuse."""
        raise NotReached("Nothing is uploaded.", item=spec.path)

    def open(self, path: str, *, size: int, offset: int = 0) -> TargetStream:
        """See the protocol."""
        return self._target.open(path, size=size, offset=offset)

    def move(self, old: str, new: str) -> None:
        """Confirm a move: something is at the new path and nothing at the old one. At most two calls.

        What shows itself at both was left there by a move that died half-way: a file under two names (NFS: a link, and
        then the end of the old name), or what a target has moved ``piecemeal``. That move is ended, lest a part of it
        stay at the wrong place for ever when the source has moved on. Targets know their own moves: what somebody else
        has put there is left alone.
        """
        there = self.stat(new)
        if there is None:
            raise NotReached("It has not moved.", item=old)
        if self.piecemeal:
            self._end(old, new)  # also what is left of a move that has taken everything along
            return
        left = self.stat(old)
        if left is not None and _is_one_file(left, there):
            self._end(old, new)
        elif left is not None:
            raise NotReached("It has not moved.", item=old)

    def _end(self, old: str, new: str) -> None:
        try:
            self._target.move(old, new)
        except TargetExists as error:
            raise NotReached("It has not moved.", item=old) from error

    def remove(self, path: str, kind: Kind) -> None:
        """Confirm a removal: one call."""
        if self.stat(path) is not None:
            raise NotReached("It is still there.", item=path)

    def retire(self, path: str, kind: Kind, destination: str) -> str:
        """Raise ItemGone when the item has left its place: one call."""
        self.remove(path, kind)
        raise ItemGone("Nothing is there any more.", item=path)

    def beside(self, root: str) -> Onlooker:
        """See the protocol: another one that only looks."""
        return Onlooker(self._target.beside(root))

    def close(self) -> None:
        """See the protocol."""
        self._target.close()


def _is_one_file(one: TargetEntry, other: TargetEntry) -> bool:
    """Say whether two entries look like one file under two names. Servers without etags cannot tell."""
    look = (one.kind, one.etag, one.size, one.modified)
    return (
        one.kind is Kind.FILE and one.etag is not None and look == (other.kind, other.etag, other.size, other.modified)
    )
