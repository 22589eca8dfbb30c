"""Read one version of one item to its end, across broken streams."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from spfc.errors import Disposition, ItemChanged, ServiceError
from spfc.planning.model import SourceItem
from spfc.sources.base import ContentStream, Source

MAX_RESUMES = 5
"""How often a stream may break without a byte in between before the file is given up for this run."""


class ResumingReader:
    """Exact reads over a source stream that is reopened at the same byte when it breaks."""

    def __init__(self, source: Source, item: SourceItem, *, offset: int = 0) -> None:
        self._source = source
        self._item = item
        self._stream: ContentStream = self._open(offset)
        self._position = offset
        self._broken = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    @property
    def size(self) -> int:
        """Bytes of the whole file: as announced with the bytes, else as listed."""
        return self._item.size if self._stream.length is None else self._stream.length

    @property
    def version(self) -> str | None:
        """The tag that came with the bytes."""
        return self._stream.version

    def read(self, size: int) -> bytes:
        """Return exactly ``size`` bytes, fewer only at the end of the file.

        Raises :class:`~spfc.errors.ItemChanged` when a reopened stream belongs to another version.
        """
        parts: list[bytes] = []
        wanted = size
        while wanted:
            try:
                part = self._stream.read(wanted)
            except ServiceError as error:
                self._reopen(error)
                continue
            if not part:
                break
            parts.append(part)
            wanted -= len(part)
            self._position += len(part)
            self._broken = 0
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _reopen(self, error: ServiceError) -> None:
        self._broken += 1
        error.of_source = True
        if error.disposition is Disposition.STOP or self._broken > MAX_RESUMES:
            raise error
        version, length = self._stream.version, self._stream.length
        self._stream.close()
        self._stream = self._open(self._position)
        if (self._stream.version, self._stream.length) != (version, length):
            raise ItemChanged(
                "The file changed while it was read.",
                item=self._item.name,
                hint="The next run brings the new version.",
            )

    def _open(self, offset: int) -> ContentStream:
        try:
            return self._source.open(self._item, offset=offset)
        except ServiceError as error:
            error.of_source = True
            raise
