"""Judges whole answers of the simulated Graph: which type each holds, its links, its errors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.conformance.schema.checker import Finding, check
from tests.conformance.schema.exceptions import CONTROL, UNJUDGED
from tests.conformance.schema.metadata import ENTITY_SETS, UnknownType, element, graph_type, short

from simulators.common.observers import Answer

_CONTEXT = re.compile(r"https?://[^/]+/(?:v1\.0|v2\.0|beta)/\$metadata#(.+)")
_PREDICATE = re.compile(r"\([^()]*\)")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}")

CODES = frozenset(
    {
        # Graph reference 11: basic codes, and those of the gateway in front.
        "accessDenied", "activityLimitReached", "generalException", "invalidRange", "invalidRequest", "itemNotFound",
        "malwareDetected", "nameAlreadyExists", "notAllowed", "notSupported", "resourceModified", "resyncRequired",
        "serviceNotAvailable", "quotaLimitReached", "unauthenticated", "InvalidAuthenticationToken",
        "Authorization_RequestDenied", "ApplicationThrottled", "cannotSnapshotTree",
        # D-batch, Graph reference 13: a malformed batch, and a part whose predecessor failed.
        "BadRequest", "FailedDependency",
    }
)  # fmt: skip
INNER_CODES = CODES | {
    "resyncChangesApplyDifferences", "resyncChangesUploadDifferences",  # Graph reference 6.4
    "resourceLocked", "throttledRequest",  # D-err
}  # fmt: skip
_ERROR_KEYS = frozenset({"code", "message", "innerError"})
_INNER_KEYS = frozenset({"code", "date", "request-id", "client-request-id"})


@dataclass(frozen=True, slots=True)
class Body:
    """One JSON value of Graph and what it says it is: a type by short name, a collection of it, or ``error``."""

    label: str
    type_name: str
    is_collection: bool
    value: Mapping[str, Any]


class Strange(ValueError):
    """An answer that cannot be told to be anything."""


def bodies(answer: Answer) -> Iterator[Body]:
    """Return the JSON values of one answer: one, or those of the parts of a batch. Raises Strange."""
    if answer.service != "graph" or answer.written_by_test or not answer.body:
        return
    label = f"{answer.method} {answer.path} -> {answer.status}"
    if answer.media_type != "application/json":
        raise Strange(f"{label}: a body of type {answer.media_type!r}")
    value = json.loads(answer.body)
    if answer.operation == "batch" and answer.status == 200:
        for part in value["responses"]:
            if "body" in part:
                yield _body(f"{label}, part {part['id']}", part["status"], part["body"])
    else:
        yield _body(label, answer.status, value)


def _body(label: str, status: int, value: Any) -> Body:
    if not isinstance(value, dict):
        raise Strange(f"{label}: {type(value).__name__} instead of an object")
    if status >= 400:
        return Body(label, "error", False, value)
    context = value.get("@odata.context")
    if not isinstance(context, str) or (found := _CONTEXT.fullmatch(context)) is None:
        raise Strange(f"{label}: the context is {context!r}")
    try:
        return Body(label, *_type_of(found[1]), value)
    except UnknownType as unknown:
        raise Strange(f"{label}: the context {context!r} leads to no known type, at {unknown}") from unknown


def _type_of(context: str) -> tuple[str, bool]:
    """Return what a context names: ``drives/$entity`` a drive, ``drives('x')/items`` a collection of driveItem."""
    if inside := element(context):
        return _known(inside), True
    first, *rest = _PREDICATE.sub("", context).split("/")
    name, is_collection = ENTITY_SETS.get(first, first), first in ENTITY_SETS
    for segment in rest:
        if segment == "$entity":
            is_collection = False
            continue
        known = graph_type(name)
        following = known.navigation.get(segment) or known.properties.get(segment)
        if following is None:
            raise UnknownType(segment)
        inside = element(following)
        name, is_collection = inside or short(following), inside is not None
    return _known(name), is_collection


def _known(name: str) -> str:
    return name if name in UNJUDGED else graph_type(name).name


def judge(answer: Answer) -> list[Finding]:
    """Return what is wrong with an answer; findings that a documented deviation allows are among them."""
    try:
        return [
            Finding(f"{body.label}: {finding.where}", finding.problem, finding.deviation)
            for body in bodies(answer)
            for finding in _judge(body, is_delta=answer.operation in ("delta", "list_delta"))
        ]
    except Strange as strange:
        return [Finding(str(strange), "cannot be judged")]


def _judge(body: Body, *, is_delta: bool) -> Iterator[Finding]:
    if body.type_name == "error":
        yield from _error(body.value)
        return
    if body.type_name in UNJUDGED:
        return
    control = {key: value for key, value in body.value.items() if key in CONTROL}
    rest = {key: value for key, value in body.value.items() if key not in CONTROL}
    for key, value in control.items():
        if not isinstance(value, str) or not value.startswith(("http://", "https://")):
            yield Finding(key, f"{value!r} is no address")
    links = control.keys() - {"@odata.context"}
    if not body.is_collection:
        if links:
            yield Finding("links", f"{sorted(links)} on a single {body.type_name}")
        yield from check(rest, body.type_name, "")
        return
    if (is_delta and len(links) != 1) or (not is_delta and "@odata.deltaLink" in links):
        yield Finding("links", f"{sorted(links)} where {'exactly one' if is_delta else 'at most a nextLink'} belongs")
    if rest.keys() != {"value"}:
        yield Finding("", f"a collection holds {sorted(rest)} instead of its value alone")
    yield from check(rest.get("value"), f"Collection({body.type_name})", "value")


def _error(body: Mapping[str, Any]) -> Iterator[Finding]:
    """Graph reference 11."""
    if body.keys() != {"error"} or not isinstance(body["error"], dict):
        yield Finding("", f"an error holds {sorted(body)}")
        return
    error = body["error"]
    if not {"code", "message"} <= error.keys() <= _ERROR_KEYS:
        yield Finding("error", f"holds {sorted(error)}")
    if error.get("code") not in CODES:
        yield Finding("error.code", f"{error.get('code')!r} is no code that is known")
    if not isinstance(error.get("message"), str) or not error["message"]:
        yield Finding("error.message", "is no text")
    inner = error.get("innerError", {})
    if not inner.keys() <= _INNER_KEYS:
        yield Finding("error.innerError", f"holds {sorted(inner)}")
    if inner.get("code", "resourceLocked") not in INNER_CODES:
        yield Finding("error.innerError.code", f"{inner['code']!r} is no code that is known")
    if "date" in inner and _DAY.fullmatch(inner["date"]) is None:
        yield Finding("error.innerError.date", f"{inner['date']!r} is no date as Graph writes it here")
