"""P11: which names the server takes, of those that spfc sends and of those that it never does (reference 11, 16)."""

from __future__ import annotations

import unicodedata

from spfc.doctor.scratch import Scratch
from spfc.doctor.shape import Finding, fail, ok, warn
from spfc.errors import ReplyLost
from spfc.filecloud import CallRefused, list_whole_folder
from spfc.planning.names import MAX_NAME_BYTES, to_target

PLAIN = "# % & + ' ~ ! @ $ ^ ( ) { } [ ] ; = , ` -"
"""Characters of ASCII that go over unchanged and that some server might not like."""
NEVER = '\\ : * ? " < > |'
"""Characters that are never sent: :mod:`spfc.planning.names` replaces them."""
_REPLACED = to_target("".join(NEVER.split()) + "\t")
_SCRIPTS = "Ünïcödé 文書 документ 📄"


def names(scratch: Scratch) -> Finding:
    """P11: one file with all characters that spfc sends, one by one where that is refused, and the odd cases."""
    folder = scratch.folder("P11")
    wanted = [*PLAIN.split(), *_REPLACED, *_SCRIPTS.split()]
    bad = _bad(scratch, folder, [f"all {PLAIN} {_REPLACED} {_SCRIPTS}.txt"])
    if bad:
        bad = _bad(scratch, folder, [f"one {part} only.txt" for part in wanted]) or bad
    longest = "n" * (MAX_NAME_BYTES - 4) + ".txt"
    bad |= _bad(scratch, folder, [longest])
    told = f"Never sent, and here {_odd(scratch, folder)}. {_forms(scratch, folder)}"
    if not bad:
        return ok(f"All names that spfc sends are taken and shown as sent, up to {MAX_NAME_BYTES} bytes. {told}")
    shown = "; ".join(f"{name[:40]!r} {why}" for name, why in sorted(bad.items())[:5])
    if any(why.startswith("shown") for why in bad.values()):
        return fail(
            f"Names do not come back as they were sent: {shown}.",
            "Report this line: spfc would take such copies for missing, and send them again and again.",
        )
    return warn(
        f"Some names are refused: {shown}. {told}",
        "Have the administrator allow them (restricted names and characters), or rename such items at the source; "
        "until then they are held as name_refused.",
    )


def _bad(scratch: Scratch, folder: str, candidates: list[str]) -> dict[str, str]:
    """Return the names that are refused or shown as something else, each with a word about it."""
    found = {}
    for name in candidates:
        said = _sent(scratch, folder, name)
        if said:
            found[name] = said
    if found or not candidates:
        return found
    listed = {unicodedata.normalize("NFC", entry.name) for entry in list_whole_folder(scratch.client, folder)}
    return {name: "shown as something else" for name in candidates if unicodedata.normalize("NFC", name) not in listed}


def _sent(scratch: Scratch, folder: str, name: str) -> str:
    """Upload an empty file; return why not, or an empty text."""
    try:
        scratch.put(folder, name)
    except (CallRefused, ReplyLost) as error:
        return f"refused ({error.said})" if isinstance(error, CallRefused) else "gets no answer"
    return ""


def _odd(scratch: Scratch, folder: str) -> str:
    """Say which of the names that spfc never sends would be taken."""
    odd = {part: f"odd{part}.txt" for part in NEVER.split()}
    odd |= {"a blank first": " first.txt", "a dot last": "last.", "256 bytes": "m" * 252 + ".txt"}
    taken = [what for what, name in odd.items() if not _sent(scratch, folder, name)]
    return f"taken: {', '.join(taken)}" if taken else "refused: all others"


def _forms(scratch: Scratch, folder: str) -> str:
    composed, apart = "é-form.txt", unicodedata.normalize("NFD", "é-form.txt")
    _sent(scratch, folder, composed)
    _sent(scratch, folder, apart)
    forms = [entry.name for entry in list_whole_folder(scratch.client, folder) if entry.name.endswith("-form.txt")]
    both = "are two files" if len(forms) == 2 else "are one file"
    return f"The two Unicode forms of one name {both}; a name in another case is {_case(scratch, folder)}."


def _case(scratch: Scratch, folder: str) -> str:
    _sent(scratch, folder, "case.txt")
    return "refused" if _sent(scratch, folder, "CASE.txt") else "another file"
