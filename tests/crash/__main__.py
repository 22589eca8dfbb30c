"""All crash points of all scenes, each with every way back: ``python -m tests.crash [scene ...]``."""

from __future__ import annotations

import argparse
import itertools
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from tests.crash.case import Staged, WayBack, crash, undisturbed, warmed_up, world
from tests.crash.catalogue import ALL
from tests.crash.list_scenes import ListScene
from tests.postgres import fresh_database, running_postgres


def rotated(points: Sequence[str], ways: Sequence[WayBack]) -> Iterator[tuple[str, WayBack]]:
    """Yield every point once, with the ways back in turn; before and after of one effect get different ones."""
    yield from zip(points, itertools.cycle(ways), strict=False)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="tests.crash", description=__doc__)
    parser.add_argument("scenes", nargs="*", default=list(ALL))
    parser.add_argument("--way", choices=list(WayBack), action="append", help="only this way back")
    parser.add_argument("--point", default="", help="only points that match this regular expression")
    parser.add_argument("--rotate", action="store_true", help="one way back for each point, in turn, instead of all")
    parser.add_argument("--postgres", action="store_true", help="keep lists in PostgreSQL instead of in a file")
    return parser.parse_args()


def staged(names: Sequence[str], stack: ExitStack, *, postgres: bool) -> list[Staged]:
    """Return the scenes of these names, their lists in the database that is wanted."""
    scenes = [ALL[name] for name in names]
    if not postgres:
        return scenes
    server = stack.enter_context(running_postgres())
    return [
        replace(scene, database=lambda _: fresh_database(server)) if isinstance(scene, ListScene) else scene
        for scene in scenes
    ]


def main() -> int:
    given = arguments()
    ways = [WayBack(way) for way in given.way or list(WayBack)]
    begun, counts, failures = time.monotonic(), Counter[str](), []
    with ExitStack() as stack:
        tmp = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="spfc-crash-")))
        scenes = staged(given.scenes, stack, postgres=given.postgres)
        worker, clean = warmed_up(tmp, *{scene.house: scene for scene in scenes}.values())
        stack.callback(worker.close)
        for scene in scenes:
            name = scene.name
            with world(tmp / name, scene, worker, clean) as at:
                expected, points = undisturbed(at)
            print(f"{name}: {len(points)} points", flush=True)
            chosen = [point for point in points if re.search(given.point, point)]
            for point, way in rotated(chosen, ways) if given.rotate else itertools.product(chosen, ways):
                folder = tmp / "case"
                try:
                    with world(folder, scene, worker, clean) as at:
                        died = crash(at, point, way, expected)
                    counts["killed" if died else "not reached"] += 1
                    counts[point.rpartition(" ")[2]] += 1
                except AssertionError as error:
                    failures.append((name, point, way))
                    print(f"FAILED {name} | {point} | {way}: {str(error)[:1500]}", flush=True)
                shutil.rmtree(folder)
    print(f"{sum(counts[key] for key in ('killed', 'not reached'))} cases converged ({dict(counts)}), "
          f"{len(failures)} failed, {time.monotonic() - begun:.0f} s")  # fmt: skip
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
