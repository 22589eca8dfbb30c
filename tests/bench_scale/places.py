"""Put at the target what a case touches, and nothing else: a million files need not be there to rename one folder."""

from __future__ import annotations

import os
from pathlib import Path

from simulators.sharepoint.generated import GeneratedLibrary


def seed_target(library: GeneratedLibrary, mirror: Path, path: str) -> None:
    """Write a file of the library, or make a folder of it, as an earlier run would have left it."""
    item = library.item_at(path)
    place = mirror / path
    if item.is_dir:
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(library.content(item))
    os.utime(place, ns=(item.mtime_ns, item.mtime_ns))
