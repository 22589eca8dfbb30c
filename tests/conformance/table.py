"""Writes down how the clients fared: a table for people, and what each has tried."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.conformance.result import Result


def text_table(results: Sequence[Result]) -> str:
    """Return one line per client: name, version, calls, checks, verdict."""
    lines = ["| client | version | calls | checks | verdict |", "|---|---|---|---|---|"]
    for result in results:
        good = sum(f.good for f in result.findings)
        checks = f"{good} of {len(result.findings)}" if result.findings else "-"
        calls = f"{sum(result.traffic.calls.values()):,}" if result.traffic.calls else "-"
        lines.append(f"| {result.client.name} | {result.version} | {calls} | {checks} | {result.verdict} |")
    return "\n".join(lines)


def details(result: Result) -> str:
    """Return what a client has tried and what was seen, one line each."""
    known = result.client.differences
    lines = [f"### {result.client.name}", ""]
    if result.absent:
        return "\n".join([*lines, f"Not available where this was written: {result.why}"])
    lines += [
        f"- {f.check}: {'ok' if f.good else 'differs'}{f' ({f.note})' if f.note else ''}" for f in result.findings
    ]
    asked = ", ".join(f"{name.partition('.')[2]} {n}" for name, n in sorted(result.traffic.calls.items()))
    lines += ["", f"Calls: {asked}."]
    if result.traffic.errors:
        answered = ", ".join(f"{name} ({n})" for name, n in sorted(result.traffic.errors.items()))
        lines.append(f"Answered with an error: {answered}.")
    if result.client.knobs:
        knobs = ", ".join(f"`{name}: {value}`" for name, value in result.client.knobs.items())
        lines.append(f"The service was set to {knobs}.")
    if result.traffic.refused:
        lines.append(f"Asked for, and refused by the proxy: {', '.join(sorted(result.traffic.refused))}.")
    return "\n".join([*lines, *(f"\n**{check}**: {why}" for check, why in known.items())])


def put(document: Path, results: Sequence[Result]) -> None:
    """Write the parts of the document that a run knows between their markers; the rest stays as it is."""
    text = document.read_text(encoding="utf-8")
    for marker, part in (("summary", text_table(results)), ("details", "\n\n".join(map(details, results)))):
        begin, end = f"<!-- {marker} -->", f"<!-- /{marker} -->"
        head, _, rest = text.partition(begin)
        _, found, tail = rest.partition(end)
        if not found:
            raise ValueError(f"{document.name} has no markers for {marker}")
        text = f"{head}{begin}\n{part}\n{end}{tail}"
    document.write_text(text, encoding="utf-8")
