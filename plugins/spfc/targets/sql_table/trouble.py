"""Turn what a database says into our errors: what happened, and what to do next, without passwords and values."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from spfc.errors import (
    AuthenticationRefused,
    PermissionMissing,
    PlaceNotFound,
    QuotaFull,
    RequestRefused,
    ServiceBusy,
    SpfcError,
    Unreachable,
)
from spfc.ledger.engines import first_line

CONTENTION = ("40001", "40P01", "55P03", "SQLITE_BUSY", "SQLITE_LOCKED")
"""States in which the same transaction may work in a moment: nothing of it was done."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """The error for states that begin with one of ``states``, or texts that hold one of ``words``."""

    error: type[SpfcError]
    what: str
    hint: str
    states: tuple[str, ...]
    words: tuple[str, ...] = ()


_LOGIN = "Check user and password in the Airflow connection, and who may log in at the server (pg_hba.conf)."
_GRANT = (
    "docs/lists.md says what the user of the connection must be granted: CREATE and USAGE on the schema, and its own "
    "tables; for SQLite, write access to the file and its folder."
)
_PLACE = "The database and the schema must exist: check the Airflow connection and the route's target.db_schema."
_WAIT = "Nothing was lost: the next try goes on where this one stopped."
_SERVER = "Check host and port in the Airflow connection, and that the server is up and reachable from the workers."
_LOCKED = (
    "Somebody else's transaction holds the table (ALTER TABLE waits even for readers): end it. Nothing was lost, the "
    "next try goes on."
)
_ROOM = "Make room for the database. Nothing was lost: the next run goes on where this one stopped."

_RULES = (
    _Rule(ServiceBusy, "is held by somebody else's transaction", _LOCKED, CONTENTION),
    _Rule(AuthenticationRefused, "does not accept the credentials", _LOGIN, ("28",),
          ("password authentication failed", "no pg_hba.conf entry", "no password supplied")),
    _Rule(PermissionMissing, "does not allow this", _GRANT, ("42501", "25006", "SQLITE_READONLY", "SQLITE_PERM",
          "SQLITE_AUTH"), ("permission denied",)),
    _Rule(PlaceNotFound, "is not there", _PLACE, ("3D", "3F", "SQLITE_CANTOPEN"), ("does not exist",)),
    _Rule(QuotaFull, "has no room left", _ROOM, ("53100", "SQLITE_FULL")),
    _Rule(ServiceBusy, "has no time now", _WAIT, ("53", "57014", "SQLITE_IOERR"), ("too many connections",)),
    _Rule(Unreachable, "cannot be reached", _SERVER, ("08", "57P")),
)  # fmt: skip


def is_contention(error: SQLAlchemyError) -> bool:
    """Say whether the transaction failed only because of others, surely without any effect."""
    return _state(error).startswith(CONTENTION)


def explained(error: SQLAlchemyError | ImportError, url: URL, table: str) -> SpfcError:
    """Return our error for one of the database's."""
    label = url.render_as_string(hide_password=True)
    if isinstance(error, (ImportError, NoSuchModuleError)):
        return RequestRefused(
            f"The database {label} cannot be used: {error}.", hint="Use a connection of type postgres or sqlite."
        )
    said = _clean(first_line(error), url)
    rule = _rule(error, said)
    if rule is not None:
        return rule.error(f"The database {label} {rule.what}: {said}.", item=table, hint=rule.hint)
    return RequestRefused(
        f"The database {label} refused a statement: {said}.", item=table,
        hint="Look at the table: a constraint, trigger or change of somebody else's may be in the way. A run in mode "
        "full brings removed columns back.",
    )  # fmt: skip


def _rule(error: SQLAlchemyError, said: str) -> _Rule | None:
    state = _state(error)
    if state:
        return next((rule for rule in _RULES if state.startswith(rule.states)), None)
    if isinstance(error, PoolTimeout) or (isinstance(error, DBAPIError) and _is_connection_trouble(error)):
        return next((rule for rule in _RULES if _has_any(said, rule.words)), _RULES[-1])
    return None


def _has_any(text: str, words: Sequence[str]) -> bool:
    return any(word in text for word in words)


def _is_connection_trouble(error: DBAPIError) -> bool:
    """Say whether a server was not reached or went away: such errors carry no state."""
    return error.connection_invalidated or type(error.orig).__name__ in ("OperationalError", "ConnectionTimeout")


def _state(error: SQLAlchemyError) -> str:
    """Return the SQLSTATE of PostgreSQL or the name that SQLite has for the error, empty when there is none."""
    origin = getattr(error, "orig", None)
    if isinstance(origin, sqlite3.Error):
        return str(getattr(origin, "sqlite_errorname", ""))
    return str(getattr(origin, "sqlstate", None) or "")


def _clean(text: str, url: URL) -> str:
    password = None if url.password is None else str(url.password)
    return text.replace(password, "***") if password else text
