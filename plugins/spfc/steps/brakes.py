"""What ends a step that copies before its work is done: somebody told the task to stop, or a service is down."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from spfc.errors import Interrupted, QuotaFull, ServiceError, SpfcError
from spfc.routes import Route
from spfc.steps.context import RunContext
from spfc.transfer.breaker import QUOTA_STRIKES, SERVICE_STRIKES, Breaker
from spfc.transfer.pool import StopSignal
from spfc.wording import plural


@dataclass(frozen=True, slots=True)
class Brakes:
    """What all copies of one step share. ``stop`` says when to begin nothing more; the breaker pulls it, too."""

    stop: StopSignal
    breaker: Breaker

    @classmethod
    def of(cls, run: RunContext) -> Self:
        """Return brakes that nobody has pulled; they know no time box."""
        stop = StopSignal(run.clock, math.inf)
        return cls(stop, Breaker(stop.ask))

    def cause(self, route: Route, left: int) -> SpfcError | None:
        """Return what somebody should hear about, with ``left`` changes left; None when all is well."""
        if self.breaker.down is not None:
            return service_down(route, self.breaker.down, plural(left, "change"))
        return told_to_stop(plural(left, "change")) if self.stop.hurried and left else None


def service_down(route: Route, last: ServiceError, left: str) -> ServiceError:
    """Return the error that ends a step because a service failed for several files in a row."""
    place = route.source if last.of_source else route.target
    return type(last)(
        f"{place.product.capitalize() if place.product.islower() else place.product} ({place.label}) failed for "
        f"{SERVICE_STRIKES} files in a row, so the transfer stopped with {left} left. The last one: {last.message}",
        hint="The rest waits for the next try.",
    )


def told_to_stop(left: str) -> Interrupted:
    """Return the error that ends a step whose task was told to stop."""
    return Interrupted(f"The task was told to stop, with {left} left.", hint="The next try goes on there.")


def no_room() -> QuotaFull:
    """Return the error of a file that is not tried because the target is full."""
    return QuotaFull(
        f"Not tried: the target had no room for {QUOTA_STRIKES} files in a row.",
        hint="Make room at the target (at FileCloud, old versions and the recycle bin count too) or raise the quota.",
    )
