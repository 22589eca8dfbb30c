"""The promises of a source: changes since a cursor, and the bytes of one item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from spfc.planning.model import SourceItem

Binding = Mapping[str, str]
"""Where a source was found (site id, drive id, ...): stable, not secret, kept in the ledger between runs."""

IDENTITY = "identity"
"""Key of a binding: two bindings with the same value speak of the same place, whatever it is called now."""


@dataclass(frozen=True, slots=True)
class ChangePage:
    """One page of the change feed.

    ``cursor`` is where to go on: store it in the same transaction as ``items``. ``complete`` means that the round is
    over and ``cursor`` is the starting point of the next one. An empty page that is not complete is legal.
    """

    items: tuple[SourceItem, ...]
    cursor: str
    complete: bool


@dataclass(frozen=True, slots=True)
class Usage:
    """What the source has cost so far in this process: requests sent, and resource units they are worth.

    ``refusals``: how often it turned us away for now (too many requests, overloaded, no connection).
    """

    requests: int = 0
    units: int = 0
    refusals: int = 0


class ContentStream(Protocol):
    """The bytes of one version of one item, from ``offset`` on. Close it; it is not thread safe."""

    length: int | None
    """Bytes of the whole file as the server announced them, None when it did not."""
    offset: int
    """Where the first byte of this stream lies in the file."""
    version: str | None
    """The tag that the server gave the bytes, to tell a resumed stream from a changed file."""

    def read(self, size: int) -> bytes:
        """Return exactly ``size`` bytes, fewer only at the end, ``b""`` after it.

        Raises :class:`~spfc.errors.ServiceBusy` when the stream breaks before the announced end.
        """

    def close(self) -> None:
        """Give the connection back."""


class Source(Protocol):
    """A place that items come from. All calls may be repeated; none changes the source.

    Transient trouble (5xx, resets, throttling, expired tokens) is retried inside; what comes out is final for this
    run, except where a docstring says otherwise. Threads may share one source.
    """

    @property
    def usage(self) -> Usage:
        """What was spent so far by this object."""

    @property
    def has_feed(self) -> bool:
        """Whether :meth:`changes` can tell what changed since the end of the last round. Known without a request.

        Without a feed a round is a full enumeration, so each run reads exactly one, from the beginning. A source may
        lose its feed on its way (and say CursorExpired): then this run reads no further round.
        """

    def bind(self, known: Binding | None) -> Binding:
        """Find the place. With ``known`` (from an earlier run, under the same address) no request is made.

        The binding holds :data:`IDENTITY`. Other keys of ``known`` may be returned or left out.
        Raises AuthenticationRefused, PermissionMissing, PlaceNotFound or Unreachable.
        """

    def changes(self, cursor: str | None) -> ChangePage:
        """Return one page: from the beginning when ``cursor`` is None. Exactly one data request when all is well.

        What a full enumeration does not show is gone, except below a folder with :attr:`Flag.UNLISTED`, which was
        shown but could not be listed. Raises :class:`~spfc.errors.CursorExpired` when a fresh enumeration is needed.
        """

    def refresh(self, item_id: str) -> SourceItem | None:
        """Return what the source says of one item now, None when it is gone. One request."""

    def open(self, item: SourceItem, *, offset: int = 0) -> ContentStream:
        """Open the bytes of an item. Checks status, media type and announced length before it returns.

        Raises ItemGone, ItemBlocked, ItemChanged (announced length or tag contradict the item).
        """

    def close(self) -> None:
        """Give back what is held, such as a session. The object is not used afterwards; closing again is harmless."""
