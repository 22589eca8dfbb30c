"""Read the next chunk of a file while the last one is being sent, and measure what was read."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from spfc.transfer.measure import Fingerprint, Measure
from spfc.transfer.reader import ResumingReader


class AheadReader:
    """Chunks of one stream, the next of which may be fetched in the background.

    Memory: the chunk that the caller holds, and one more. Used by one thread. Leave the ``with`` block before the
    stream is closed: what is under way is awaited there.
    """

    def __init__(self, reader: ResumingReader, chunk_size: int, measure: Measure | None = None) -> None:
        """``measure`` has taken in what lies before the reader's first byte."""
        self._reader = reader
        self._chunk_size = chunk_size
        self._measure = measure or Measure()
        self._helper: ThreadPoolExecutor | None = None
        self._coming: Future[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._helper is not None:
            self._helper.shutdown(wait=True, cancel_futures=True)

    def begin(self) -> None:
        """Start to fetch the next chunk in a helper thread; :meth:`next` returns it."""
        self._helper = self._helper or ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._coming = self._helper.submit(self._fetch)

    def next(self) -> bytes:
        """Return the next chunk, shorter than ``chunk_size`` only at the end, ``b""`` after it.

        Raises what the reader raises, also when the chunk was begun long before.
        """
        coming, self._coming = self._coming, None
        return self._fetch() if coming is None else coming.result()

    def measure_rest(self) -> None:
        """Read to the end and keep nothing."""
        while self.next():
            pass

    @property
    def fingerprint(self) -> Fingerprint:
        """What tells the bytes fetched so far from all others. Not while a chunk is under way."""
        return self._measure.fingerprint

    @property
    def listed_hash(self) -> str:
        """The quickXorHash of all chunks fetched so far, base64. Not while a chunk is under way."""
        return self._measure.listed_hash

    def state(self) -> Mapping[str, object]:
        """Return the measure of all chunks fetched so far, to be saved. Not while a chunk is under way."""
        return self._measure.state()

    def _fetch(self) -> bytes:
        chunk = self._reader.read(self._chunk_size)
        self._measure.update(chunk)
        return chunk
