"""A process that has the engine imported, and becomes one run of a route after another by forking.

Each line on stdin is a JSON object (:meth:`tests.crash.case.World.job`); each line on stdout is the exit status,
negative for a signal. The process itself has one thread only, so that forking it is safe.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

_sleep = time.sleep
time.sleep = lambda seconds: _sleep(min(seconds, 0.02))  # before spfc's clients take hold of it

from tests.crash.file_run import FileTasks  # noqa: E402
from tests.crash.list_run import ListTasks  # noqa: E402
from tests.crash.points import Points  # noqa: E402

KINDS = {"files": FileTasks, "list": ListTasks}


def perform(job: dict[str, Any]) -> None:
    """Run the tasks of a job that have no result yet."""
    tasks = KINDS[job["kind"]](job, Points(Path(job["points"]), job["fatal"]))
    with tasks.watched():
        tasks.run()


def become(job: dict[str, Any]) -> NoReturn:
    """Be one process of a run, to its end or to its fatal point."""
    os.dup2(os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    status = 1
    try:
        perform(job)
        status = 0
    except BaseException:  # noqa: BLE001  # what the interpreter does
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def main() -> None:
    print("ready", flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        if job["warm_up"]:  # here, so that everything that is loaded and compiled is inherited by all that follow
            perform(job)
            print(0, flush=True)
            continue
        gc.freeze()  # what is inherited is not looked at again, so its pages stay shared
        child = os.fork()
        if child == 0:
            become(job)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
