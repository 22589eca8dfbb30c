"""After a run that changed rows: write all living ones to a file at any target, whole or not at all."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from spfc.errors import Disposition, ServiceBusy, ServiceError
from spfc.ledger.runs import load_run, update_run
from spfc.routes.lists import SnapshotFormat
from spfc.steps.context import ListRun
from spfc.steps.records.beginning import fence_of
from spfc.steps.records.totals import SNAPSHOT
from spfc.targets.base import PutSpec, Target
from spfc.targets.snapshots import write_csv, write_parquet
from spfc.transfer.measure import Fingerprint, Measure
from spfc.transfer.read_back import read_back

log = logging.getLogger("spfc.lists")

TRIES = 3
"""How often the file is sent in all before the trouble is let out."""


@dataclass(frozen=True, slots=True)
class SnapshotDone:
    """A snapshot that was written, read back and found the same."""

    path: str
    rows: int
    bytes: int


def write_snapshot(run: ListRun, make_target: Callable[[], Target]) -> SnapshotDone | None:
    """Write all living rows as the route wants it; None when there is nothing new, or no whole reading yet.

    The file is made on this machine's disk first (as large as itself), then takes its place at once, as the target
    promises. What it holds is noted only after it was read back, so a run that failed here is made up for by the next
    one, also when that changes nothing. Raises what target and table raise.
    """
    wanted = run.route.snapshot
    state = run.target.load()
    if wanted is None or state is None or state.full_at is None:
        return None
    revision = run.target.revision()
    if revision is None:
        return None
    write = write_csv if wanted.format is SnapshotFormat.CSV else write_parquet
    target = make_target()
    try:
        with tempfile.TemporaryDirectory(prefix="spfc-snapshot-") as folder:
            file = Path(folder) / "rows"
            rows = write(file, run.target.layout(), run.target.scan())
            done = SnapshotDone(f"/{run.route.snapshot_file}", rows, file.stat().st_size)
            run.beat()
            _put(target, file, done, int(run.now()))
    finally:
        target.close()
    run.target.snapshot_taken(revision, fence_of(run))
    _note(run, done)
    log.info("Snapshot: %d rows, %d bytes in %s", done.rows, done.bytes, done.path)
    return done


def _put(target: Target, file: Path, done: SnapshotDone, modified: int) -> None:
    """Send the file and read it back; several tries when the service stumbles."""
    for attempt in range(1, TRIES):
        try:
            return _put_once(target, file, done, modified)
        except ServiceError as error:
            if error.disposition is not Disposition.RETRY:
                raise
            log.info("%s: try %d failed: %s", done.path, attempt, error)
    return _put_once(target, file, done, modified)


def _put_once(target: Target, file: Path, done: SnapshotDone, modified: int) -> None:
    target.make_folder("/")
    sent = _send(target, file, PutSpec(done.path, done.bytes, modified))
    found = read_back(target, done.path, size=done.bytes)
    if found is None or found.fingerprint != sent:
        raise ServiceBusy(
            "The snapshot does not hold at the target what was sent.", item=done.path,
            hint="The next run writes it again.",
        )  # fmt: skip


def _send(target: Target, file: Path, spec: PutSpec) -> Fingerprint:
    measure = Measure()
    with file.open("rb") as stream:
        while True:
            chunk, offset = stream.read(target.chunk_size), measure.size
            measure.update(chunk)
            last = measure.size == spec.size
            target.put_chunk(spec, offset, chunk, last=last)
            if last:
                return measure.fingerprint


def _note(run: ListRun, done: SnapshotDone) -> None:
    with run.writing() as connection:
        row = load_run(connection, run.route.name, run.run_id)
        totals = {**(row.totals if row is not None else {}), SNAPSHOT: asdict(done)}
        update_run(connection, run.route.name, run.run_id, totals=totals, error="")  # of an earlier try
