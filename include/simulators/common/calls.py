"""What a simulator knows about the request it is answering: the journal entry in the making."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from simulators.common.faults import FaultAction


@dataclass(slots=True)
class Call:
    """One request in progress. `classify` makes it; the handler may complete it until `close` is called.

    `params` may hold secrets: the journal redacts them by name.
    """

    service: str
    operation: str
    params: dict[str, str] = field(default_factory=dict)
    item: str | None = None
    units: int = 0
    session: str | None = None
    bytes_in: int | None = None
    bytes_out: int | None = None
    fault: str | None = None
    start: float = 0.0
    closer: Callable[[int], None] | None = None

    def close(self, status: int) -> None:
        """Write the journal entry now; later calls do nothing. Streams call it before their last piece."""
        closer, self.closer = self.closer, None
        if closer is not None:
            closer(status)


CALL: web.RequestKey[Call] = web.RequestKey("call", Call)
FAULT: web.RequestKey[FaultAction] = web.RequestKey("fault", FaultAction)


def call_of(request: web.BaseRequest) -> Call:
    """Return the call that belongs to `request`."""
    return request[CALL]


def fault_of(request: web.BaseRequest) -> FaultAction | None:
    """Return the fault that was declared for this request, or None."""
    return request.get(FAULT)
