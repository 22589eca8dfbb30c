"""Parse the YAML of a route file, and find the keys that stand twice, of which YAML silently takes the last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from spfc.errors import RouteInvalid

ROUTES = "routes"
"""The one key at the top of a route file."""

_HINT = "Keep one of them, or give each route a name of its own."


def parse_yaml(text: str) -> tuple[object, dict[str, list[RouteInvalid]]]:
    """Return the document (plain values only), and by route what is wrong with keys of it that stand twice.

    Raises ``yaml.YAMLError``, and RouteInvalid when the key ``routes`` itself stands twice.
    """
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, {}
        repeated = _repeated_keys(node)  # first: constructing replaces merge keys by what they stand for
        return loader.construct_document(node), repeated
    finally:
        loader.dispose()


def _repeated_keys(root: yaml.Node) -> dict[str, list[RouteInvalid]]:
    for _, lines in _repetitions(root):
        raise RouteInvalid(f"The route file has the key 'routes' more than once: lines {_listed(lines)}.", hint=_HINT)
    entries = next((value for key, value in _pairs(root) if key.value == ROUTES), root)
    found: dict[str, list[RouteInvalid]] = {}
    for name, lines in _repetitions(entries):
        found.setdefault(name, []).append(
            RouteInvalid(f"Route {name!r} stands in the file more than once: lines {_listed(lines)}.", hint=_HINT)
        )
    for key, value in _pairs(entries):
        for node in _below(value):
            for repeated, lines in _repetitions(node):
                problem = RouteInvalid(
                    f"Route {key.value!r} is not valid: the key {repeated!r} stands there more than once: "
                    f"lines {_listed(lines)}.",
                    hint="Keep one of them.",
                )
                found.setdefault(key.value, []).append(problem)
    return found


def _repetitions(node: yaml.Node) -> Iterator[tuple[str, list[int]]]:
    """Yield the keys of one mapping that stand there more than once, with their lines (from 1)."""
    keys = [key for key, _ in _pairs(node)]
    for value, times in Counter(key.value for key in keys).items():
        if times > 1:
            yield value, [key.start_mark.line + 1 for key in keys if key.value == value]


def _pairs(node: yaml.Node) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    pairs: list[tuple[Any, yaml.Node]] = node.value if isinstance(node, yaml.MappingNode) else []
    return [(key, value) for key, value in pairs if isinstance(key, yaml.ScalarNode)]


def _below(root: yaml.Node) -> Iterator[yaml.Node]:
    """Yield a node and all nodes below it, each once: aliases may lead to a node again, even to one above."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        waiting += [value for _, value in _pairs(node)]


def _listed(lines: Iterable[int]) -> str:
    return ", ".join(str(line) for line in lines)
