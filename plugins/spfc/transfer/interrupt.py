"""Stop cleanly when the process is asked to end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def on_termination(ask: Callable[[], None]) -> Iterator[None]:
    """Call ``ask`` on SIGTERM while the block runs, then whoever listened before.

    Airflow's supervisor sends SIGTERM to the process of a task and, when it marks a task or its heartbeat is refused,
    SIGKILL 5 seconds later; its own handler only calls ``on_kill``, which does nothing for a plain function. Other
    threads than the main one get no signals: then nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)

    def handle(number: int, frame: FrameType | None) -> None:
        ask()
        if callable(before):
            before(number, frame)

    signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before if before is not None else signal.SIG_DFL)
