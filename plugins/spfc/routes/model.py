"""What a route is: one configured pair of a source and a target, validated as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from spfc.errors import RouteInvalid
from spfc.routes.fields import ROUTE_NAME, Label, Strict, lies_inside
from spfc.routes.lists import ListLimits, ListPolicies, Snapshot
from spfc.routes.options import ListRunOptions, RunOptions
from spfc.routes.places import PLACES, FileCloudSource, FileSource, FileTarget, SharePointList, SqlTableTarget
from spfc.routes.policies import Filters, Limits, Policies

LIST = "sharepoint_list"
"""The type of source that makes an entry a :class:`ListRoute`."""


class BaseRoute(Strict):
    """What every route has: a name, a schedule, and who answers for it. One route is one DAG."""

    name: str
    description: str = ""
    schedule: str | None = Field(
        None, description="cron text, an Airflow preset such as @hourly, 'continuous', or null"
    )
    owner: str = "spfc"
    tags: tuple[Label, ...] = ()

    @model_validator(mode="after")
    def _check_name(self) -> Self:
        if not ROUTE_NAME.fullmatch(self.name):
            raise ValueError(f"route name {self.name!r}: use a-z, 0-9, '_' and '-', beginning with a letter")
        return self

    @property
    def ends(self) -> tuple[str, str]:
        """The labels of source and target."""
        raise NotImplementedError

    @property
    def areas(self) -> tuple[tuple[str, str], ...]:
        """What the route writes to: pairs of a service and a place at it."""
        raise NotImplementedError


class Route(BaseRoute):
    """A route that copies files: from a library or a folder into a folder."""

    source: FileSource
    target: FileTarget
    filters: Filters = Filters()
    policies: Policies = Policies()
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _check(self) -> Self:
        source, target = self.source, self.target
        if lies_inside(self.quarantine_folder, target.folder):
            raise ValueError("quarantine_folder must lie outside the target folder, or it would mirror itself")
        if isinstance(source, FileCloudSource) and target.service == f"filecloud:{source.connection}":
            for folder in (target.folder, self.quarantine_folder):
                if lies_inside(folder, source.folder) or lies_inside(source.folder, folder):
                    raise ValueError("source and target overlap at FileCloud, so the copy would copy itself")
        return self

    @property
    def ends(self) -> tuple[str, str]:
        """The labels of source and target."""
        return self.source.label, self.target.label

    @property
    def quarantine_folder(self) -> str:
        """Absolute target path below which quarantined items are kept."""
        return self.policies.quarantine_folder or f"{self.target.folder}.quarantine"

    @property
    def areas(self) -> tuple[tuple[str, str], ...]:
        """What the route writes to: the target folder and the quarantine."""
        return tuple((self.target.service, folder) for folder in (self.target.folder, self.quarantine_folder))


class ListRoute(BaseRoute):
    """A route that keeps a SharePoint list in a SQL table."""

    source: SharePointList
    target: SqlTableTarget
    snapshot: Snapshot | None = Field(None, description="also write all rows to a file after each run with changes")
    policies: ListPolicies = ListPolicies()
    limits: ListLimits = ListLimits()

    @property
    def ends(self) -> tuple[str, str]:
        """The labels of source and target."""
        return self.source.label, self.target.label

    @property
    def snapshot_file(self) -> str:
        """Name of the snapshot file."""
        given = self.snapshot.file if self.snapshot else None
        return given or f"{self.name}.{self.snapshot.format.value if self.snapshot else 'csv'}"

    @property
    def areas(self) -> tuple[tuple[str, str], ...]:
        """What the route writes to: the table, and the file of the snapshot."""
        table = (self.target.service, f"/{self.target.area}")
        if self.snapshot is None:
            return (table,)
        place = self.snapshot.target
        return table, (place.service, f"{place.folder}/{self.snapshot_file}")


AnyRoute = Route | ListRoute


def parse_route(name: str, fields: Mapping[str, Any]) -> AnyRoute:
    """Return one validated route, or raise :class:`RouteInvalid` naming each wrong key.

    The type of its source says whether it copies files or keeps a list.
    """
    source = fields.get("source")
    model = ListRoute if isinstance(source, Mapping) and source.get("type") == LIST else Route
    try:
        return model.model_validate({**fields, "name": name})
    except ValidationError as error:
        raise _explain(
            f"Route {name!r} is", "Correct it in routes.yaml; docs/routes.md lists every key.", error
        ) from None


def parse_options(fields: Mapping[str, Any]) -> RunOptions:
    """Return the validated parameters of a run that copies files, or raise :class:`RouteInvalid`."""
    try:
        return RunOptions.model_validate(dict(fields))
    except ValidationError as error:
        raise _explain(_PARAMETERS, _PARAMETERS_HINT, error) from None


def parse_list_options(fields: Mapping[str, Any]) -> ListRunOptions:
    """Return the validated parameters of a run that keeps a list, or raise :class:`RouteInvalid`."""
    try:
        return ListRunOptions.model_validate(dict(fields))
    except ValidationError as error:
        raise _explain(_PARAMETERS, _PARAMETERS_HINT, error) from None


_PARAMETERS = "The run parameters are"
_PARAMETERS_HINT = "docs/operations.md lists what a run may be given."


def _explain(subject: str, hint: str, error: ValidationError) -> RouteInvalid:
    problems = []
    for found in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in found["loc"] if part not in PLACES) or "route"
        problems.append(f"{where}: {_what(found)}")
    return RouteInvalid(f"{subject} not valid: " + "; ".join(problems) + ".", hint=hint)


def _what(found: ErrorDetails) -> str:
    if found["type"] == "extra_forbidden":
        return "unknown key"
    if found["type"] == "union_tag_invalid":
        known = found["ctx"]["expected_tags"]
        return f"there is no type '{found['ctx']['tag']}'; this can be {known}"
    return found["msg"].removeprefix("Value error, ")
