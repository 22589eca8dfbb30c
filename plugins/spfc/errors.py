"""The one tree of errors: each says what happened, to which item, and what to do next.

::

    SpfcError
    ├── ConfigurationError            the user's settings cannot work                 stop
    │   ├── RouteInvalid              a route file or a run parameter is wrong
    │   ├── ConnectionInvalid         an Airflow connection lacks or contradicts a field
    │   └── LedgerUnavailable         the ledger database cannot be reached or is too new
    ├── RunError                      this run may not go on                          stop
    │   ├── LeaseHeld                 another run of the route is at work
    │   ├── LeaseLost                 another run took over: write nothing more
    │   ├── Interrupted               this task was told to stop; another try goes on       retry
    │   ├── SourceSuspicious          the source looks wrong: nothing may be removed
    │   └── TargetSuspicious          the target looks wrong: nothing may be repaired
    ├── ServiceError                  a remote service, as a whole
    │   ├── AuthenticationRefused     the service does not accept who we are          stop
    │   ├── PermissionMissing         we are known, but may not do this               stop
    │   ├── PlaceNotFound             the site, library or base folder is not there   stop
    │   ├── RequestRefused            the service calls our request wrong             stop
    │   ├── Unreachable               no usable connection                            retry
    │   ├── ServiceBusy               5xx, time-out in mid-answer                     retry
    │   ├── AnswerUnreadable          HTML or garbage where data was promised         retry
    │   ├── ReplyLost                 a change was sent, its answer never came        retry
    │   ├── Throttled                 the service asks everybody to wait              wait
    │   └── CursorExpired             the change feed wants a fresh start (410)       retry
    └── ItemError                     one item; the rest of the run goes on
        ├── ItemGone                  it vanished between listing and reading         defer
        ├── ItemChanged               it changed while it was read                    defer
        ├── ParentUnknown             its folder has not been seen                    defer
        ├── IntegrityMismatch         bytes and listed size or hash disagree          defer
        ├── TargetLocked              somebody holds it open at the target            defer
        ├── NotReached                there was no time for it, or for all of it      defer
        ├── MoveRefused               the target will not move it, copying may work   defer
        ├── ItemBlocked               malware, a restriction, not downloadable        hold
        ├── NameRefused               the target does not take this name              hold
        ├── TargetExists              something we did not put there is in the way    hold
        ├── TargetChanged             our copy was edited at the target               hold
        └── QuotaFull                 the target has no room                          hold

An error text never holds a token, password, cookie or pre-signed link: whoever raises passes redacted text.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Disposition(StrEnum):
    """What the caller should do with an error."""

    RETRY = "retry"
    """The same call may work in a moment: back off and repeat, a bounded number of times."""
    WAIT = "wait"
    """Everybody who talks to this service waits ``retry_after`` seconds, then the call is repeated."""
    DEFER = "defer"
    """Leave this item to the next run; it stays owed."""
    HOLD = "hold"
    """Leave this item until a person changes something; it stays owed and is reported."""
    STOP = "stop"
    """The run cannot go on."""


class SpfcError(Exception):
    """Base of all errors. ``hint`` is the next step for the reader, ``item`` the path or id it is about."""

    code: ClassVar[str] = "error"
    disposition: ClassVar[Disposition] = Disposition.STOP

    def __init__(
        self, message: str, *, hint: str = "", item: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.item = item
        self.retry_after = retry_after
        """Seconds to wait before anybody asks again; only with :attr:`Disposition.WAIT` or RETRY."""

    def __str__(self) -> str:
        about = f" [{self.item}]" if self.item else ""
        following = f" {self.hint}" if self.hint else ""
        return f"{self.message}{about}{following}"


class ConfigurationError(SpfcError):
    """The user's settings cannot work."""

    code = "configuration"


class RouteInvalid(ConfigurationError):
    """A route file or a run parameter is wrong."""

    code = "route_invalid"


class ConnectionInvalid(ConfigurationError):
    """An Airflow connection lacks a field or contradicts itself."""

    code = "connection_invalid"


class LedgerUnavailable(ConfigurationError):
    """The ledger database cannot be reached, or was written by a newer spfc."""

    code = "ledger_unavailable"


class RunError(SpfcError):
    """This run may not go on."""

    code = "run"


class LeaseHeld(RunError):
    """Another run of the same route holds the lease."""

    code = "lease_held"


class LeaseLost(RunError):
    """Another run took the lease over; nothing may be written any more under the old fencing number."""

    code = "lease_lost"


class Interrupted(RunError):
    """This task was told to stop (worker shut down, run marked as failed); another try goes on where it stopped."""

    code = "interrupted"
    disposition = Disposition.RETRY


class SourceSuspicious(RunError):
    """The source looks wrong (empty or vanished root): going on could remove files by surprise."""

    code = "source_suspicious"


class TargetSuspicious(RunError):
    """The target looks wrong (everything we put there is gone): going on could copy a whole library again."""

    code = "target_suspicious"


class ServiceError(SpfcError):
    """A remote service refused or failed as a whole. ``of_source`` is set where content was asked of the source."""

    code = "service"
    disposition = Disposition.RETRY
    of_source = False


class AuthenticationRefused(ServiceError):
    """The service does not accept the credentials. Never repeated: repeating locks accounts."""

    code = "authentication_refused"
    disposition = Disposition.STOP


class PermissionMissing(ServiceError):
    """The credentials are good, but may not do this."""

    code = "permission_missing"
    disposition = Disposition.STOP


class PlaceNotFound(ServiceError):
    """The site, library, base folder or target account is not there."""

    code = "place_not_found"
    disposition = Disposition.STOP


class RequestRefused(ServiceError):
    """The service calls the request wrong (4xx without a better class): repeating is pointless."""

    code = "request_refused"
    disposition = Disposition.STOP


class Unreachable(ServiceError):
    """No connection: name resolution, refused, TLS, time-out before any answer."""

    code = "unreachable"


class ServiceBusy(ServiceError):
    """5xx or a connection that broke in mid-answer."""

    code = "service_busy"


class AnswerUnreadable(ServiceError):
    """Something else than promised came back (HTML, cut XML, wrong media type)."""

    code = "answer_unreadable"


class ReplyLost(ServiceError):
    """A changing request was sent and its answer never came: look at the service before repeating."""

    code = "reply_lost"


class Throttled(ServiceError):
    """The service asks all of us to wait ``retry_after`` seconds."""

    code = "throttled"
    disposition = Disposition.WAIT


class CursorExpired(ServiceError):
    """The change feed does not know our cursor any more; ``restart`` is the link it offered, if any."""

    code = "cursor_expired"

    def __init__(self, message: str, *, restart: str | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.restart = restart


class ItemError(SpfcError):
    """One item could not be brought over; the rest of the run goes on."""

    code = "item"
    disposition = Disposition.DEFER


class ItemGone(ItemError):
    """The item vanished between listing and reading; the feed will say so."""

    code = "item_gone"


class ItemChanged(ItemError):
    """The item changed while it was read; the feed will bring its new state."""

    code = "item_changed"


class ParentUnknown(ItemError):
    """The folder of the item has not been reported by the source."""

    code = "parent_unknown"


class IntegrityMismatch(ItemError):
    """The bytes received do not have the listed length or hash."""

    code = "integrity_mismatch"


class TargetLocked(ItemError):
    """Somebody holds the file open at the target."""

    code = "target_locked"


class NotReached(ItemError):
    """There was no time for this item, or for all of it; the next run goes on."""

    code = "not_reached"


class MoveRefused(ItemError):
    """The target does not move this item for a reason of its own, such as different storage behind both places.

    Both places were looked at: the item is at the old one, the new one is free. Another way, such as copying, may work.
    """

    code = "move_refused"


class ItemBlocked(ItemError):
    """The source will not serve this item (malware, restriction, no content)."""

    code = "item_blocked"
    disposition = Disposition.HOLD


class NameRefused(ItemError):
    """The target does not accept the name or extension."""

    code = "name_refused"
    disposition = Disposition.HOLD


class TargetExists(ItemError):
    """Something that we did not put there stands at the target path."""

    code = "target_exists"
    disposition = Disposition.HOLD


class TargetChanged(ItemError):
    """Our copy was changed at the target since we wrote it."""

    code = "target_changed"
    disposition = Disposition.HOLD


class QuotaFull(ItemError):
    """The target has no room left for this file."""

    code = "quota_full"
    disposition = Disposition.HOLD
