"""What the words of a refusal suggest. A suggestion only: texts may be localised, so callers look before they judge."""

from __future__ import annotations

import re
from enum import StrEnum

from spfc.errors import RequestRefused

MAX_TEXT = 500
"""Characters of a server text that are kept (reference 7.2)."""
_CODE = re.compile(r"CLFC-\d+(?:-\d+)?")


class Hint(StrEnum):
    """What a text seems to complain about."""

    SESSION = "session"
    PERMISSION = "permission"
    CSRF = "csrf"
    EXISTS = "exists"
    MISSING = "missing"
    CHANGED = "changed"
    LOCKED = "locked"
    QUOTA = "quota"
    NAME = "name"
    TOO_LARGE = "too_large"
    """The request body was too big (status 413), not a matter of words."""
    UNKNOWN = "unknown"


_WORDS: tuple[tuple[Hint, re.Pattern[str]], ...] = tuple(
    (hint, re.compile(words, re.IGNORECASE))
    for hint, words in (
        (Hint.CSRF, r"csrf|xsrf|cross.site"),
        (Hint.QUOTA, r"quota|storage (?:limit|space)|(?:not enough|insufficient|no) (?:disk )?space|out of space"),
        (Hint.LOCKED, r"\block(?:ed)?\b(?!.*account)|\bin use\b|checked out"),
        (Hint.CHANGED, r"precondition|etag|if.?match|iflastmodified|has (?:been )?(?:changed|modified)"),
        (Hint.EXISTS, r"exist(?:s|ing)\b(?<!not exists)|conflict|case.(?:variant|insensitive)|same name|duplicate"),
        (Hint.MISSING, r"not found|no such|(?:does|do|did) ?n[o']t exist|missing|not exist"),
        (Hint.NAME, r"(?:invalid|illegal|forbidden|restricted|not allowed|disallowed|refused|bad).*"
                    r"(?:name|extension|character|file ?type|type of file)"
                    r"|(?:name|path|extension|character|file ?type|type of file).*"
                    r"(?:invalid|illegal|forbidden|restricted|not allowed|not permitted|not valid|too long"
                    r"|disallowed|refused)"
                    r"|leading space"),
        (Hint.SESSION, r"log ?(?:ged)? ?-?in|log ?on|session|sign ?in|authenticat"),
        (Hint.PERMISSION, r"permission|access|denied|not authori[sz]ed|not permitted|forbidden|privilege"),
    )
)  # fmt: skip


def hint_of(text: str) -> Hint:
    """Return what an English text suggests; UNKNOWN for all others."""
    for hint, words in _WORDS:
        if words.search(text):
            return hint
    return Hint.UNKNOWN


def code_of(text: str) -> str | None:
    """Return the server's error code in a text, such as ``CLFC-12-3`` (reference 3.1), None when it holds none."""
    found = _CODE.search(text)
    return found.group(0) if found else None


class CallRefused(RequestRefused):
    """The server answered and said no. ``hint`` is what its text (redacted, shortened) suggests.

    Whoever knows what the call was for looks at the server and raises something better.
    """

    code = "call_refused"

    def __init__(self, operation: str, text: str, *, hint: Hint, item: str | None = None) -> None:
        said = text[:MAX_TEXT].strip() or "no reason given"
        advice = ""
        if hint is Hint.CSRF:
            advice = "Switch browser_compat on in the connection."
        super().__init__(f"FileCloud refused {operation}: {said}.", item=item, hint=advice)
        self.said = said
        self.hint_kind = hint
        self.server_code = code_of(text)
