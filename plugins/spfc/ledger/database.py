"""Open the ledger: one database by URL, migrated on first use, with fenced write transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from spfc.errors import LeaseLost, LedgerUnavailable
from spfc.ledger.engines import WRITE, first_line, make_engine
from spfc.ledger.schema import leases

MIGRATIONS = Path(__file__).with_name("migrations")
HEAD = "0004"
"""The migration this code was written for; a test compares it with the migration files."""


class Database:
    """A connection pool to one ledger database.

    Reads see a consistent state; writes are serialised on SQLite and fenced everywhere: see :meth:`writing`.
    """

    def __init__(self, url: str) -> None:
        self._url = _parsed(url)
        self._engine = _engine(self._url)
        self._migrated = False

    @property
    def label(self) -> str:
        """The database's address without its password."""
        return self._url.render_as_string(hide_password=True)

    @property
    def file(self) -> Path | None:
        """The file of an SQLite database, None for any other."""
        return Path(self._url.database) if self.dialect == "sqlite" and self._url.database else None

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._engine.dialect.name

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read transaction."""
        with self._guarded(), self._ready().connect() as connection:
            yield connection

    @contextmanager
    def writing(self, route: str | None = None, fence: int | None = None) -> Iterator[Connection]:
        """A write transaction, committed at the end, rolled back on any error.

        With ``route`` and ``fence`` it begins by making sure that this run still holds the lease, and keeps it from
        being taken until the commit. Raises :class:`~spfc.errors.LeaseLost`.
        """
        engine = self._ready().execution_options(**{WRITE: True})
        with self._guarded(), engine.begin() as connection:
            if route is not None:
                _check_fence(connection, route, fence)
            yield connection

    def version(self) -> str | None:
        """Return the migration that the database has reached, None when it holds no ledger yet. Makes nothing."""
        with self._guarded():
            return self._version()

    def close(self) -> None:
        """Close all pooled connections."""
        self._engine.dispose()

    def _ready(self) -> Engine:
        if not self._migrated:
            with self._guarded():
                self._migrate()
            self._migrated = True
        return self._engine

    def _migrate(self) -> None:
        if self._version() == HEAD:
            return
        if self._url.database and self._engine.dialect.name == "sqlite":
            self._make_folder(Path(self._url.database).parent)
        # Alembic is imported only when there is something to migrate: it costs more than a no-change run.
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        with self._engine.execution_options(**{WRITE: True}).begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(7370663)"))
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError:
                raise LedgerUnavailable(
                    f"The ledger {self.label} was written by a newer spfc.",
                    hint="Upgrade spfc, or point the connection spfc_ledger at another database.",
                ) from None

    def _make_folder(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LedgerUnavailable(
                f"The ledger {self.label} cannot be used: its folder cannot be made ({error.strerror}).",
                hint="Check the Airflow connection spfc_ledger, and who may write there.",
            ) from None

    def _version(self) -> str | None:
        if self._engine.dialect.name == "sqlite" and not Path(self._url.database or "").exists():
            return None
        with self._engine.connect() as connection:
            if not inspect(connection).has_table("spfc_version"):
                return None
            return connection.execute(text("SELECT version_num FROM spfc_version")).scalar()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn the database's own trouble into one sentence; what callers raise inside passes untouched."""
        try:
            yield
        except OperationalError as error:
            raise LedgerUnavailable(
                f"The ledger {self.label} cannot be used: {first_line(error)}.",
                hint="Check the Airflow connection spfc_ledger, that the server is up, and that its user may write.",
            ) from None
        except (DBAPIError, SQLAlchemyError) as error:
            raise LedgerUnavailable(f"The ledger {self.label} refused a statement: {first_line(error)}.") from error


_ADDRESS_HINT = "Use sqlite:////absolute/path or postgresql+psycopg://user:password@host/database."


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except (SQLAlchemyError, ValueError):  # their text may repeat the address, with its password
        raise LedgerUnavailable("The ledger address cannot be read.", hint=_ADDRESS_HINT) from None


def _engine(url: URL) -> Engine:
    try:
        return make_engine(url)
    except (SQLAlchemyError, ImportError) as error:
        raise LedgerUnavailable(f"The ledger address is not usable: {error}.", hint=_ADDRESS_HINT) from None


def _check_fence(connection: Connection, route: str, fence: int | None) -> None:
    held = connection.execute(
        # Not a shared lock: two writers that both renew the lease at their end would wait for each other for ever.
        select(leases.c.fence).where(leases.c.route == route).with_for_update()
    ).scalar_one_or_none()
    if held != fence:
        raise LeaseLost(
            f"Another run of route {route!r} has taken over (lease {held}, ours was {fence}).",
            hint="Nothing was written. Look at the newer run; this one may be marked as failed.",
        )
