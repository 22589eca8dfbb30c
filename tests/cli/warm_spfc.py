"""A process that has Airflow imported already, and becomes one ``spfc`` after another by forking.

Each line on stdin is a JSON object with ``arguments``, ``environment``, ``out`` and ``err``; each line on stdout is
the exit status. Importing Airflow takes five seconds and more; what follows the import is the real thing.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from typing import Any, NoReturn

_sleep = time.sleep
time.sleep = lambda seconds: _sleep(min(seconds, 0.05))  # before spfc's clients take hold of it

import airflow.api_fastapi.app  # noqa: E402
import airflow.api_fastapi.execution_api.app  # noqa: E402
import airflow.dag_processing.dagbag  # noqa: E402
import airflow.models.xcom  # noqa: E402
import airflow.sdk.execution_time.supervisor  # noqa: E402
import airflow.sdk.execution_time.task_runner  # noqa: E402
import airflow.utils.db  # noqa: E402

import spfc.cli.run  # noqa: E402
import spfc.pipeline.factory  # noqa: E402
import spfc.pipeline.wiring  # noqa: E402,F401
from spfc.cli import main  # noqa: E402

# Airflow's task API inside the process builds its routes at the first request: four seconds that a fork inherits.
getattr(airflow.sdk.execution_time.supervisor.in_process_api_server().app, "_cadwyn_initialize", str)()


def become(request: dict[str, Any]) -> NoReturn:
    """Be one ``spfc``: its environment, its streams, its exit status."""
    os.environ.update(request["environment"])
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.argv = ["spfc", *request["arguments"]]
    status = 1
    try:
        status = main()
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:  # noqa: BLE001  # what the interpreter does
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        become(json.loads(line))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
