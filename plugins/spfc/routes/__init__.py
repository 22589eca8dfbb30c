"""The configuration model: what a route is, validated once, unknown keys refused."""

from spfc.routes.fields import ROUTE_NAME, lies_inside
from spfc.routes.lists import ListLimits, ListPolicies, RowRemovals, Snapshot, SnapshotFormat
from spfc.routes.model import AnyRoute, BaseRoute, ListRoute, Route, parse_list_options, parse_options, parse_route
from spfc.routes.options import BaseRunOptions, ListRunMode, ListRunOptions, RunMode, RunOptions, Window
from spfc.routes.places import (
    FileCloudSource,
    FileCloudTarget,
    FileTarget,
    ObjectStorageTarget,
    SharePointList,
    SharePointSource,
    SqlTableTarget,
)
from spfc.routes.policies import (
    ConflictPolicy,
    Filters,
    Guard,
    Limits,
    OverwriteGuard,
    Policies,
    RemovalGuard,
    RemovalPolicy,
    VerifyPolicy,
)

__all__ = [
    "ROUTE_NAME",
    "AnyRoute",
    "BaseRoute",
    "BaseRunOptions",
    "ConflictPolicy",
    "FileCloudSource",
    "FileCloudTarget",
    "FileTarget",
    "Filters",
    "Guard",
    "Limits",
    "ListLimits",
    "ListPolicies",
    "ListRoute",
    "ListRunMode",
    "ListRunOptions",
    "ObjectStorageTarget",
    "OverwriteGuard",
    "Policies",
    "RemovalGuard",
    "RemovalPolicy",
    "Route",
    "RowRemovals",
    "RunMode",
    "RunOptions",
    "SharePointList",
    "SharePointSource",
    "Snapshot",
    "SnapshotFormat",
    "SqlTableTarget",
    "VerifyPolicy",
    "Window",
    "lies_inside",
    "parse_list_options",
    "parse_options",
    "parse_route",
]
