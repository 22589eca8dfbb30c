"""Read a file back from the target, across broken streams, and measure what is really there."""

from __future__ import annotations

from contextlib import closing

from spfc.errors import Disposition, IntegrityMismatch, ItemChanged, ServiceError
from spfc.targets.base import Target, TargetStream
from spfc.transfer.measure import Measure
from spfc.transfer.reader import MAX_RESUMES


def read_back(target: Target, path: str, *, size: int) -> Measure | None:
    """Return the measure of the file at ``path``, in chunks of the target's size; None when it has not ``size`` bytes.

    Raises ItemGone when nothing is there, and what is left of a ServiceError after several tries without progress.
    """
    measure, broken = Measure(), 0
    while True:
        before = measure.size
        try:
            with closing(target.open(path, size=size, offset=before)) as stream:
                _take_in(stream, measure, target.chunk_size)
        except ItemChanged:
            if before == 0 or broken > MAX_RESUMES:
                return None
            measure, broken = Measure(), broken + 1  # or it only dislikes ranges
        except (ServiceError, IntegrityMismatch) as error:
            broken = 1 if measure.size > before else broken + 1
            if broken > MAX_RESUMES and isinstance(error, IntegrityMismatch):
                return None
            if error.disposition is Disposition.STOP or broken > MAX_RESUMES:
                raise
        else:
            return measure if measure.size == size else None


def _take_in(stream: TargetStream, measure: Measure, chunk_size: int) -> None:
    known = measure.size - stream.offset  # a server that ignores ranges begins again at 0
    while known > 0:
        known -= len(stream.read(min(known, chunk_size))) or known
    while chunk := stream.read(chunk_size):
        measure.update(chunk)
