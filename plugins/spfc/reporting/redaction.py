"""The last net before paper: texts of others lose anything that looks like a credential.

Whoever raises an error passes redacted text already (see :mod:`spfc.errors`); this only catches what slipped
through. Names and paths of documents are never touched: a file may well be called ``password=old.txt``.
"""

from __future__ import annotations

import re
from dataclasses import replace

from spfc.planning.model import Evidence
from spfc.reporting.model import LineOutcome

REMOVED = "[removed]"

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(https?://)[^\s/@]*@", re.I), rf"\1{REMOVED}@"),
    (re.compile(r"(https?://[^\s?#\"'<>]+)[?#][^\s\"'<>]*", re.I), rf"\1?{REMOVED}"),
    (re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.I), rf"\1 {REMOVED}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,4}"), REMOVED),
    (re.compile(
        r"\b((?:set-)?cookie|password|passwd|pwd|secret|client_secret|token|access_token|tempauth|sig|api_?key)"
        r"(\"?\s*[=:]\s*\"?)[^\s\"'&;,]+", re.I), rf"\1\2{REMOVED}"),
)  # fmt: skip

_SUSPICIOUS = (
    "://",
    "eyj",
    "bearer",
    "basic",
    "cookie",
    "pass",
    "pwd",
    "secret",
    "token",
    "tempauth",
    "sig",
    "key",
)
"""Lower-case words without which no rule can apply: a million harmless lines are told apart cheaply."""


def redact(text: str) -> str:
    """Return ``text`` without link queries, authorization headers, tokens, cookies, passwords."""
    for pattern, substitute in _RULES:
        text = pattern.sub(substitute, text)
    return text


def redact_evidence(evidence: Evidence) -> Evidence:
    """Return evidence whose text values are redacted."""
    return {key: redact(value) if isinstance(value, str) else value for key, value in evidence.items()}


def redact_line(line: LineOutcome) -> LineOutcome:
    """Return the line with its sentences and evidence redacted; the same object when nothing had to go."""
    texts = [line.detail, line.hint, *(value for value in line.evidence.values() if isinstance(value, str))]
    searched = "\n".join(texts).lower()
    if not any(word in searched for word in _SUSPICIOUS):
        return line
    detail, hint, evidence = redact(line.detail), redact(line.hint), redact_evidence(line.evidence)
    if (detail, hint, evidence) == (line.detail, line.hint, line.evidence):
        return line
    return replace(line, detail=detail, hint=hint, evidence=evidence)
