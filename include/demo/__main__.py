"""The command line of the demo: `python -m demo [SCENE] [--library DIR] [--keep] [--port N] [--home DIR]`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from demo.list_story import SCENE as LISTS
from demo.list_story import ListStory
from demo.problems import DemoProblem
from demo.scenes import SCENES
from demo.settings import demand_port
from demo.show import Screen
from demo.stage import Wishes
from demo.story import Story
from demo.workplace import SAMPLE, choose

PROJECT = Path(__file__).resolve().parents[2]
INTERRUPTED = 130


def parser() -> argparse.ArgumentParser:
    """Return the parser of the demo's options."""
    result = argparse.ArgumentParser(
        prog="demo",
        description="Keep something in sync with a real Airflow, against local simulators.",
    )
    add = result.add_argument
    add(
        "scene",
        nargs="?",
        default=SAMPLE,
        choices=[*SCENES, LISTS],
        help="what is kept in sync (default: library to FileCloud)",
    )
    add(
        "--library",
        type=Path,
        metavar="DIR",
        help="a folder of your own as the library; nothing in it is changed",
    )
    add("--keep", action="store_true", help="go on from what an earlier demo left instead of beginning anew")
    add("--port", type=int, default=0, metavar="N", help="port of Airflow's UI (default: any free one)")
    add("--home", type=Path, default=PROJECT / ".demo", metavar="DIR", help="where the demo keeps its things")
    add("--dags", type=Path, metavar="DIR", help="another folder of DAGs, for those who work on the demo")
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo and return its exit status.

    0: every verdict is right; 1: one is wrong, or the demo broke; 2: it cannot be as asked; 130: Ctrl-C.
    With CI=true in the environment the demo ends by itself, otherwise it leaves Airflow up until Ctrl-C.
    """
    options = parser().parse_args(argv)
    screen = Screen()
    signal.signal(signal.SIGTERM, _interrupt)
    stay = os.environ.get("CI", "").lower() not in {"true", "1", "yes"}
    try:
        place = choose(options.home, options.library, options.scene)
        wishes = Wishes(PROJECT, demand_port(options.port), options.keep, stay, options.dags)
        stage = ListStory(place, wishes, screen) if options.scene == LISTS else None
        good = (stage or Story(place, wishes, screen, SCENES[options.scene])).tell()
    except DemoProblem as problem:
        screen.problem(str(problem))
        return problem.exit_status
    except KeyboardInterrupt:
        screen.say("Stopped.")
        return INTERRUPTED
    return 0 if good else 1


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
