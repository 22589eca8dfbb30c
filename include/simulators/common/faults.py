"""The fault plan: which requests go wrong, how, and whether each declared fault was really met."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_RULE_KEYS = frozenset({"id", "service", "operation", "path", "nth", "times", "action"})

GENERIC_KINDS: Mapping[str, frozenset[str]] = {
    "status": frozenset({"status", "retry_after", "body", "headers"}),
    "reset_before": frozenset(),
    "reset_after": frozenset(),
    "truncate": frozenset({"bytes"}),
    "delay": frozenset({"seconds"}),
    "stall": frozenset({"bytes"}),
    "html_200": frozenset({"body"}),
    "xml_error_200": frozenset({"message"}),
}
SERVICE_KINDS: Mapping[str, frozenset[str]] = {
    "drop_session": frozenset({"shape"}),
    "expire_links": frozenset(),
    "expire_tokens": frozenset(),
    "gone": frozenset({"code", "location"}),
    "quota_full": frozenset(),
    "forget_staged": frozenset(),
    "change_listing": frozenset({"add", "remove"}),
}
_REQUIRED: Mapping[str, frozenset[str]] = {
    "status": frozenset({"status"}),
    "truncate": frozenset({"bytes"}),
    "delay": frozenset({"seconds"}),
}
EVER = -1


class FaultPlanError(ValueError):
    """The plan cannot be understood; the message names the rule and the key."""


@dataclass(frozen=True, slots=True)
class FaultAction:
    """What goes wrong: a kind and its options."""

    kind: str
    options: Mapping[str, Any]

    def get(self, name: str, default: Any = None) -> Any:
        """Return an option, or `default`."""
        return self.options.get(name, default)


@dataclass(frozen=True, slots=True)
class FaultRule:
    """One line of the plan. `nth` counts matching requests from 1; `times` = -1 means for ever.

    nth None: the first `times` matching requests. nth n: the n-th and the `times` - 1 after it.
    nth a list: exactly those.
    """

    id: str
    action: FaultAction
    service: str | None = None
    operation: str | None = None
    path: re.Pattern[str] | None = None
    nth: tuple[int, ...] | None = None
    times: int = 1

    def matches(self, service: str, operation: str, path: str) -> bool:
        """Say whether the rule looks at such a request at all (`path` is the raw path with query)."""
        return (
            self.service in (None, service)
            and self.operation in (None, operation)
            and (self.path is None or self.path.search(path) is not None)
        )


@dataclass(slots=True)
class _Tally:
    seen: int = 0
    hits: int = 0


class FaultPlan:
    """Rules with their tallies; the first rule whose turn has come fires. Thread safe.

    `rules` are rule objects or plain mappings; `extra_kinds` maps further kinds of action to the option
    names they allow. Raises FaultPlanError for anything unknown.
    """

    def __init__(
        self,
        rules: Iterable[FaultRule | Mapping[str, Any]] = (),
        extra_kinds: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        kinds = {**GENERIC_KINDS, **SERVICE_KINDS, **(extra_kinds or {})}
        self.rules = [r if isinstance(r, FaultRule) else _parse_rule(r, kinds) for r in rules]
        ids = [rule.id for rule in self.rules]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise FaultPlanError(f"fault ids used twice: {', '.join(twice)}")
        self._tallies = {rule.id: _Tally() for rule in self.rules}
        self._lock = threading.Lock()

    @classmethod
    def load(
        cls,
        source: FaultPlan | Path | Iterable[FaultRule | Mapping[str, Any]] | None,
        extra_kinds: Mapping[str, frozenset[str]] | None = None,
    ) -> FaultPlan:
        """Make a plan from a YAML or JSON file, a list of rules, another plan (kept) or nothing."""
        if source is None:
            return cls()
        if isinstance(source, FaultPlan):
            return source
        if isinstance(source, Path):
            data = yaml.safe_load(source.read_text(encoding="utf-8"))
            if isinstance(data, Mapping) and set(data) == {"rules"}:
                data = data["rules"]
            if data is not None and not isinstance(data, list):
                raise FaultPlanError(f"{source.name}: a list of rules is expected")
            source = data or []
        return cls(source, extra_kinds)

    def hit(self, service: str, operation: str, path: str) -> FaultRule | None:
        """Count one request and return the rule that fires on it, or None."""
        if not self.rules:
            return None
        fired: FaultRule | None = None
        with self._lock:
            for rule in self.rules:
                if not rule.matches(service, operation, path):
                    continue
                tally = self._tallies[rule.id]
                tally.seen += 1
                if fired is None and _is_turn(rule, tally):
                    tally.hits += 1
                    fired = rule
        return fired

    def hits(self, rule_id: str) -> int:
        """Return how often a rule has fired."""
        return self._tallies[rule_id].hits

    def unhit(self) -> list[str]:
        """Name the declared rules that never fired (a rule with a list: not on all of its numbers)."""
        with self._lock:
            return [r.id for r in self.rules if self._tallies[r.id].hits < _wanted(r)]

    def assert_all_hit(self) -> None:
        """Raise AssertionError when a declared fault was never met: the test did not test it."""
        left = self.unhit()
        if left:
            raise AssertionError(f"declared faults that were never hit: {', '.join(left)}")


def _wanted(rule: FaultRule) -> int:
    return len(rule.nth) if rule.nth is not None and len(rule.nth) > 1 else 1


def _is_turn(rule: FaultRule, tally: _Tally) -> bool:
    if rule.nth is None:
        return rule.times == EVER or tally.hits < rule.times
    if len(rule.nth) > 1:
        return tally.seen in rule.nth
    first = rule.nth[0]
    return tally.seen >= first and (rule.times == EVER or tally.seen < first + rule.times)


def _parse_rule(raw: Mapping[str, Any], kinds: Mapping[str, frozenset[str]]) -> FaultRule:
    if not isinstance(raw, Mapping) or not isinstance(raw.get("id"), str):
        raise FaultPlanError("each fault rule is a mapping with a text 'id'")
    name = f"fault rule '{raw['id']}'"
    unknown = sorted(set(raw) - _RULE_KEYS)
    if unknown:
        raise FaultPlanError(f"{name}: unknown keys {unknown}; known are {sorted(_RULE_KEYS)}")
    times = raw.get("times", 1)
    if not isinstance(times, int) or (times < 1 and times != EVER):
        raise FaultPlanError(f"{name}: 'times' is a whole number from 1, or -1 for ever")
    return FaultRule(
        id=raw["id"],
        action=_parse_action(raw.get("action"), kinds, name),
        service=raw.get("service"),
        operation=raw.get("operation"),
        path=_parse_path(raw.get("path"), name),
        nth=_parse_nth(raw.get("nth"), name),
        times=times,
    )


def _parse_path(raw: object, name: str) -> re.Pattern[str] | None:
    if raw is None:
        return None
    try:
        return re.compile(str(raw))
    except re.error as error:
        raise FaultPlanError(f"{name}: 'path' is not a regular expression: {error}") from error


def _parse_nth(raw: object, name: str) -> tuple[int, ...] | None:
    if raw is None:
        return None
    numbers = raw if isinstance(raw, list | tuple) else [raw]
    if not numbers or not all(isinstance(n, int) and n >= 1 for n in numbers):
        raise FaultPlanError(f"{name}: 'nth' is a whole number from 1, or a list of them")
    return tuple(sorted(set(numbers)))


def _parse_action(raw: object, kinds: Mapping[str, frozenset[str]], name: str) -> FaultAction:
    if not isinstance(raw, Mapping) or "kind" not in raw:
        raise FaultPlanError(f"{name}: 'action' is a mapping with a 'kind'")
    kind = raw["kind"]
    if kind not in kinds:
        raise FaultPlanError(f"{name}: unknown kind {kind!r}; known are {sorted(kinds)}")
    options = {k: v for k, v in raw.items() if k != "kind"}
    unknown = sorted(set(options) - kinds[kind])
    if unknown:
        raise FaultPlanError(f"{name}: kind '{kind}' does not know {unknown}; it knows {sorted(kinds[kind])}")
    missing = sorted(_REQUIRED.get(kind, frozenset()) - set(options))
    if missing:
        raise FaultPlanError(f"{name}: kind '{kind}' needs {missing}")
    return FaultAction(kind, options)
