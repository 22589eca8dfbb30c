"""Whoever judges the simulators sees each answer that one of them gives; nobody does unless a test asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from aiohttp import web

from simulators.common.calls import Call, fault_of
from simulators.common.faults import FaultAction


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it left. ``path`` is the raw request target, ``body`` the whole body, ``written_by_test`` says
    that a fault plan brought the body or made an error of no error, so that it is no work of the simulator.
    """

    service: str
    operation: str
    method: str
    path: str
    status: int
    media_type: str
    body: bytes
    written_by_test: bool = False


Observer = Callable[[Answer], None]
_observers: list[Observer] = []


@contextmanager
def observed(observer: Observer) -> Iterator[None]:
    """Tell ``observer`` each complete answer of all simulators of this process; it is called in their threads."""
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)


def tell(call: Call, request: web.BaseRequest, response: web.StreamResponse) -> None:
    """Hand an answer to the observers. Streamed bodies are not observed."""
    if not _observers or not isinstance(response, web.Response):
        return
    body = response.body
    answer = Answer(
        service=call.service,
        operation=call.operation,
        method=request.method,
        path=request.raw_path,
        status=response.status,
        media_type=response.headers.get("Content-Type", "").partition(";")[0].strip().lower(),
        body=bytes(body) if isinstance(body, bytes | bytearray) else b"",
        written_by_test=_is_written_by_test(fault_of(request), response.status),
    )
    for observer in tuple(_observers):
        observer(answer)


def _is_written_by_test(fault: FaultAction | None, status: int) -> bool:
    if fault is None:
        return False
    is_no_error = fault.kind == "status" and status < 400
    return fault.get("body") is not None or fault.kind == "html_200" or is_no_error
