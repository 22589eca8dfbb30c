"""P4, P5, P14: what protects a file that is there, uploads in chunks, and a full account (FileCloud reference 16)."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from spfc.doctor import raw
from spfc.doctor.raw import Answer
from spfc.doctor.scratch import SOME_DAY, Scratch
from spfc.doctor.shape import Finding, fail, ok, skipped, warn
from spfc.errors import AnswerUnreadable, PermissionMissing, ReplyLost
from spfc.filecloud import CallRefused, Chunk, FileCloudClient, Hint

_PIECE = 64 << 10
_WHOLE = b"1" * _PIECE + b"2" * _PIECE + b"3" * 1000
_OLD = b"the old content"
_MIB = 1 << 20


def preconditions(scratch: Scratch) -> Finding:
    """P4: an upload that must not overwrite, one that may overwrite one version only, and what refusals look like."""
    folder = scratch.folder("P4")
    scratch.put(folder, "kept.txt", _OLD)
    path = f"{folder}/kept.txt"
    entry = scratch.client.info(path)
    chunk = scratch.chunk(folder, "kept.txt", b"another content")
    kept = scratch.send(chunk, {"nofileoverwrite": "1"})
    if kept.done or scratch.content(path) != _OLD:
        return fail(
            f"A file that must not be overwritten was (nofileoverwrite: {kept}).",
            "Do not run into folders where people work: files that are there could be lost. Update the server, or "
            "report this line.",
        )
    told = f"nofileoverwrite is {kept}"
    if entry is None or entry.etag is None:
        return ok(f"{told}. Without tags, nothing guards an update against an edit in the same moment.")
    wrong = scratch.send(chunk, {"ifetag": "0" * 32})
    if wrong.done or scratch.content(path) != _OLD:
        return warn(
            f"{told}; but a wrong ifetag is {wrong}.",
            "Update the server: until then an edit made between spfc's look and its update of a file is overwritten "
            "(older versions stay in FileCloud's history).",
        )
    right = scratch.send(chunk, {"ifetag": entry.etag})
    if not right.done:
        return fail(
            f"{told}; a wrong ifetag is {wrong}; but the right one is {right}, too.",
            "Update the server, or report this line: every update of a copy would be taken for a conflict.",
        )
    return ok(f"{told}; a wrong ifetag is {wrong}, the right one {right}. {_last_modified(scratch, chunk, path)}")


def _last_modified(scratch: Scratch, chunk: Chunk, path: str) -> str:
    """Say which reading of a time the server takes as a condition (reference 7.1: unknown)."""
    utc = scratch.send(chunk, {"iflastmodified": str(SOME_DAY)})
    wall = raw.number(raw.record_of(scratch.client, path) or {}, "modifiedepoch")
    other = "" if wall is None else f", by its own clock {scratch.send(chunk, {'iflastmodified': str(wall)})}"
    return f"iflastmodified in UTC is {utc}{other} (spfc does not use it)."


def chunks(scratch: Scratch) -> Finding:
    """P5: an unfinished upload, a chunk sent twice, a gap, a wrong size, and going on with another login."""
    folder = scratch.folder("P5")
    scratch.put(folder, "old.bin", _OLD)
    path = f"{folder}/old.bin"
    answers = [_piece(scratch, folder, "old.bin", 0)]
    if scratch.content(path) != _OLD:
        return fail(
            f"An upload that is not finished has replaced the old file already (its first chunk is {answers[0]}).",
            "Have the storage behind this folder changed: whenever an upload breaks off, a torn file stays visible.",
        )
    answers += [_piece(scratch, folder, "old.bin", number) for number in (1, 2)]
    if scratch.content(path) != _WHOLE:
        return fail(
            f"A file in three chunks does not arrive whole; they are {', '.join(map(str, answers))}.",
            "Raise chunk_mib in the connection above the size of your largest files, or report this line.",
        )
    repeated = _repeated(scratch, folder)
    if repeated.done and scratch.content(f"{folder}/twice.bin") != _WHOLE:
        return fail(
            "A chunk that is sent twice is stored twice.",
            "Do not run, and report this line: after a lost answer spfc sends a chunk again.",
        )
    return _odd_chunks(scratch, folder, repeated)


def _repeated(scratch: Scratch, folder: str) -> Answer:
    for number in (0, 1):
        _piece(scratch, folder, "twice.bin", number)
    answer = _piece(scratch, folder, "twice.bin", 1)
    _piece(scratch, folder, "twice.bin", 2)
    return answer


def _odd_chunks(scratch: Scratch, folder: str, repeated: Answer) -> Finding:
    _piece(scratch, folder, "gap.bin", 0)
    gap = _piece(scratch, folder, "gap.bin", 2)
    short = scratch.send(scratch.chunk(folder, "short.bin", _WHOLE), {"filesize": str(len(_WHOLE) + 1)})
    goes_on = _elsewhere(scratch, folder)
    for name in ("gap.bin", "moved.bin", "twice.bin"):
        scratch.put(folder, name)  # unfinished uploads would count against the quota
    told = (
        f"The old file stays readable until the last chunk; a repeated chunk is {repeated}; a gap is {gap}; a wrong "
        f"filesize is {short}; another login {'can' if goes_on else 'cannot'} go on with an upload"
        f"{'' if goes_on else ', so a killed task sends its big file anew'}."
    )
    if gap.done:
        return warn(
            told,
            "Nothing by itself: spfc leaves no gaps, and reads back every big file that it went on with. Update the "
            "server all the same.",
        )
    return ok(told)


def _piece(scratch: Scratch, folder: str, name: str, number: int) -> Answer:
    """Send one of the three chunks of a file; the third is the last."""
    return scratch.send(_third(scratch.client, folder, name, number))


def _third(client: FileCloudClient, folder: str, name: str, number: int) -> Chunk:
    offset, date = number * _PIECE, client.spell_date(SOME_DAY)
    return Chunk(folder, name, offset, _WHOLE[offset : offset + _PIECE], len(_WHOLE), date, last=number == 2)


def _elsewhere(scratch: Scratch, folder: str) -> bool:
    """Say whether another login can go on where this one stopped."""
    for number in (0, 1):
        _piece(scratch, folder, "moved.bin", number)
    with closing(FileCloudClient(scratch.client.settings)) as other:
        try:
            other.upload_chunk(_third(other, folder, "moved.bin", 2))
        except (CallRefused, ReplyLost):
            return False
    return scratch.content(f"{folder}/moved.bin") == _WHOLE


def full_account(scratch: Scratch) -> Finding:
    """P14: announce a file that is larger than the room left, without sending it."""
    try:
        usage = scratch.client.usage()
    except (CallRefused, PermissionMissing, AnswerUnreadable):
        return skipped("the server does not tell this account how much room it has")
    if not usage.limit:
        return skipped("this account has no limit; to see the refusal, run with an account that has one")
    folder = scratch.folder("P14")
    room = max(0, usage.limit - usage.used)
    chunk = replace(scratch.chunk(folder, "large.bin", b"x"), size=room + _MIB, last=False)
    answer = scratch.send(chunk)
    scratch.send(scratch.chunk(folder, "large.bin", b"x"))  # starts the upload anew, so that nothing unfinished stays
    if answer.done:
        return ok("A file that is too large is not refused at its first chunk; the server will tell at a later one.")
    if answer.hint is not Hint.QUOTA:
        return warn(
            f"A file that is too large is {answer}: spfc does not understand these words as a full account.",
            "Set the server's language for this account to English, or report this line: until then such files fail "
            "one by one, and no run stops early.",
        )
    return ok(f"A file that is too large is {answer}, and understood.")
