"""The promises of a source of records: the columns of a list, and its changes since a cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from spfc.records.model import Column, Record
from spfc.sources.base import Binding, Usage


@dataclass(frozen=True, slots=True)
class RecordPage:
    """One page of the change feed of a list.

    ``records`` are in the order in which the source told them; of several mentions of one id the last one counts, and
    the page holds only that one. ``cursor`` is where to go on: it is to be stored in the transaction that applies the
    page. ``complete`` means that the round is over and ``cursor`` starts the next one. An empty page that is not
    complete is legal.
    """

    records: tuple[Record, ...]
    cursor: str
    complete: bool


class RecordSource(Protocol):
    """A list that records come from. All calls may be repeated; none changes the source.

    Transient trouble (5xx, resets, throttling, expired tokens) is retried inside; what comes out is final for this
    run, except where a docstring says otherwise.
    """

    @property
    def usage(self) -> Usage:
        """What was spent so far by this object."""

    def bind(self, known: Binding | None) -> Binding:
        """Find the list. With ``known`` (from an earlier run, under the same address) no request is made.

        The binding holds :data:`~spfc.sources.base.IDENTITY`. Raises AuthenticationRefused, PermissionMissing,
        PlaceNotFound or Unreachable.
        """

    def columns(self) -> tuple[Column, ...]:
        """Return the columns of the list as they are now, in the order of the list; one request and its pages.

        Columns that hold nothing of the user's (computed by SharePoint for its own pages) are left out.
        """

    def changes(self, cursor: str | None) -> RecordPage:
        """Return one page: from the beginning when ``cursor`` is None. Exactly one request when all is well.

        Reading from the beginning tells every living record; what changes meanwhile comes with the next round.
        Raises :class:`~spfc.errors.CursorExpired` when everything must be read anew.
        """

    def whole(self, records: Sequence[Record]) -> tuple[Record, ...]:
        """Return the same rows with the values of columns that :meth:`changes` leaves out (``Column.apart``).

        One request per living row, and several at a time. A row may come as it is by now, which is newer than what the
        page said; one that is gone by now comes as it was given, for its deletion is told by a later page.
        """

    def close(self) -> None:
        """Give back what is held, such as connections. The object is not used afterwards; closing again is harmless."""
