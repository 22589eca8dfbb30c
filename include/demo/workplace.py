"""Where the demo keeps its things, and the guarantee that it never writes or removes anything else."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from demo.problems import UsageProblem

MARKER = ".spfc-demo"
SAMPLE = "sample"
FROM_FILECLOUD = "filecloud-local"
"""The scene in which people work in FileCloud's own folder."""
_RESERVE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Workplace:
    """The folders of one demo; everything but a library of the user's own lies below `home`."""

    home: Path
    library: Path
    own: bool
    """True when `library` is the user's: then nothing in it is ever written."""

    @property
    def published(self) -> Path:
        """The folder that the SharePoint simulator publishes."""
        return self.home / "unused" if self.home.name == FROM_FILECLOUD else self.library

    @property
    def store(self) -> Path:
        """Where the FileCloud simulator keeps its files."""
        return self.home / "filecloud"

    @property
    def simulators(self) -> Path:
        """Where the simulators remember what they need across restarts."""
        return self.home / "simulators"

    @property
    def trash(self) -> Path:
        """Where files deleted from the sample library wait; on the library's file system."""
        return self.home / "trash"

    @property
    def airflow(self) -> Path:
        """AIRFLOW_HOME."""
        return self.home / "airflow"

    @property
    def routes(self) -> Path:
        """The route file."""
        return self.home / "routes.yaml"

    @property
    def journal(self) -> Path:
        """Every request that the simulators answered."""
        return self.home / "journal.jsonl"


def choose(base: Path, library: Path | None, scene: str = SAMPLE) -> Workplace:
    """Return the workplace of a scene below `base`, for the sample library (None) or one of the user's own.

    Raises UsageProblem when the library is not a folder or overlaps with `base`. Writes nothing.
    """
    base = base.absolute()
    if library is None:
        home = base / scene
        return Workplace(
            home, home / "filecloud" / "library" if scene == FROM_FILECLOUD else home / "library", own=False
        )
    if scene not in (SAMPLE, "local"):
        raise UsageProblem("This demo has its own data: --library is for libraries that SharePoint publishes.")
    if not library.is_dir():
        raise UsageProblem(f"The library {library} is not a folder.")
    real = library.resolve()
    if real == base.resolve() or real in base.resolve().parents or base.resolve() in real.parents:
        raise UsageProblem(
            f"The library {library} and the demo's own folder {base} must not lie inside each other; "
            "choose another place for the demo with --home."
        )
    name = hashlib.sha256(str(real).encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return Workplace(base / f"own-{name}{'' if scene == SAMPLE else f'-{scene}'}", real, own=True)


def occupy(place: Workplace, *, keep: bool) -> IO[str]:
    """Make the workplace ready and return its lock, to be closed at the end.

    Without `keep`, what an earlier demo left there is removed. Raises UsageProblem when another demo runs
    there, or when the folder holds things that no demo made.
    """
    base = place.home.parent
    if base.exists() and not base.is_dir():
        raise UsageProblem(f"{base} is not a folder.")
    if base.is_dir() and any(base.iterdir()) and not (base / MARKER).exists():
        raise UsageProblem(f"{base} holds things that no demo made; choose an empty or new folder.")
    try:
        base.mkdir(parents=True, exist_ok=True)
        (base / MARKER).touch()
        lock = (base / f"{place.home.name}.lock").open("w", encoding="utf-8")
    except OSError as error:
        raise UsageProblem(f"{base} cannot be written: {error.strerror}.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise UsageProblem(f"Another demo is running in {place.home}; end it first.") from None
    if not keep and place.home.exists():
        shutil.rmtree(place.home)
    place.home.mkdir(parents=True, exist_ok=True)
    return lock


def check_room(place: Workplace, needed: int) -> None:
    """Raise UsageProblem unless the disk can take `needed` more bytes and a reserve of 1 GiB."""
    free = shutil.disk_usage(place.home).free
    if free < needed + _RESERVE_BYTES:
        raise UsageProblem(
            f"A copy of the library needs {needed / 1e9:.1f} GB; {place.home} has {free / 1e9:.1f} GB left."
        )
