"""P6, P7, P12, P13: listings, folders, deletes and the server's own feed (FileCloud reference 16)."""

from __future__ import annotations

from collections.abc import Mapping

from spfc.doctor import raw
from spfc.doctor.scratch import Scratch
from spfc.doctor.shape import Finding, fail, ok, warn
from spfc.errors import AnswerUnreadable, ReplyLost
from spfc.filecloud import CallRefused, calls, list_whole_folder
from spfc.filecloud.calls import PAGE_SIZE
from spfc.filecloud.wire import Request
from spfc.wording import plural

_FILES = 12
"""More than the ten entries that a server lists when no limit is asked for (reference 6)."""
_PAGE = 5


def pages(scratch: Scratch) -> Finding:
    """P6: a folder of a few files, listed without limit, in small pages, whole, and as spfc lists it."""
    folder, client = scratch.folder("P6"), scratch.client
    names = [f"file {number:02d}.txt" for number in range(_FILES)]
    for name in names:
        scratch.put(folder, name)
    default = len(_listed(scratch, {"path": folder}))
    in_pages: list[str] = []
    for start in range(0, _FILES, _PAGE):
        in_pages += [entry.name for entry in client.list_page(folder, start, _PAGE).entries]
    total = client.list_page(folder, 0, _PAGE).total
    whole = len(_listed(scratch, {"path": folder, "start": "0", "limit": "-1"}))
    text = (
        f"{_FILES} files: {default} are listed without a limit, {whole} with limit -1; in pages of {_PAGE} they come "
        f"{'in order of their names' if in_pages == names else 'in another order'}; the total says {total}"
    )
    broken = "Do not run: files could be overlooked. Update the server, or report this line."
    if sorted(in_pages) != names or total != _FILES:
        missing = len(set(names) - set(in_pages))
        return fail(f"{text}. {missing} files are missing in the pages, {len(in_pages)} came.", broken)
    try:
        found = sorted(entry.name for entry in list_whole_folder(client, folder))
    except (AnswerUnreadable, CallRefused) as error:
        return fail(f"{text}. As spfc lists it: {error.message}", broken)
    return ok(f"{text}.") if found == names else fail(f"{text}; with limit {PAGE_SIZE} files are missing.", broken)


def _listed(scratch: Scratch, form: Mapping[str, str]) -> list[Mapping[str, object]]:
    return list(raw.records_in(scratch.client.raw(Request("getfilelist", "/core/getfilelist", form=form)), "entry"))


def folders(scratch: Scratch) -> Finding:
    """P7: a folder twice, below a missing one, over a file, and in another case."""
    folder = scratch.folder("P7")
    scratch.put(folder, "file", b"content")
    scratch.client.create_folder(folder, "Folder")
    twice = scratch.ask(calls.create_folder(folder, "Folder"))
    orphan = scratch.ask(calls.create_folder(f"{folder}/missing", "below"))
    over = scratch.ask(calls.create_folder(folder, "file"))
    variant = scratch.ask(calls.create_folder(folder, "FOLDER"))
    entry = scratch.client.info(f"{folder}/file")
    text = (
        f"A folder made twice is {twice}, one below a missing folder {orphan}, one over a file {over}, one in another "
        f"case {variant}."
    )
    if entry is None or entry.is_folder or scratch.content(f"{folder}/file") != b"content":
        return fail(
            f"{text} The file is lost.", "Do not run, and report this line: making folders destroys files here."
        )
    return ok(text)


def deletes(scratch: Scratch) -> Finding:
    """P12: something that is not there, a folder with a file in it, and where it goes."""
    folder, client = scratch.folder("P12"), scratch.client
    missing = scratch.ask(calls.delete(folder, "never-there"))
    client.create_folder(folder, "full")
    scratch.put(f"{folder}/full", "file.txt", b"to be recycled")
    before = _recycled(scratch)
    try:
        client.delete(folder, "full")
        why = ""
    except (CallRefused, ReplyLost) as error:
        why = f" ({error.message})"
    if client.info(f"{folder}/full") is not None:
        return fail(
            f"A folder with a file in it cannot be deleted{why}.",
            "Give the account the right to delete below the target folder. With policies.removals: quarantine, "
            "nothing but the quarantine itself is affected.",
        )
    after = _recycled(scratch)
    kept = "where it goes is not told" if before is None or after is None else (
        "it goes to the recycle bin" if after > before else "it is gone for good")  # fmt: skip
    text = f"A folder with a file in it can be deleted; {kept}. Deleting something that is not there is {missing}."
    if "gone for good" in kept:
        return warn(
            text,
            "Keep policies.removals: quarantine (the default), or switch the recycle bin on: with delete, what spfc "
            "removes cannot be brought back.",
        )
    return ok(text)


def _recycled(scratch: Scratch) -> int | None:
    client = scratch.client
    return raw.number(
        raw.fields_with(client.raw(calls.disk_usage(client.settings.user)), "storageusage"), "recyclefiles"
    )


def own_feed(scratch: Scratch) -> Finding:
    """P13: the change feed at version 0."""
    folder = scratch.folder("P13")
    scratch.put(folder, "fed.txt")
    form = {"friendly": "spfc", "name": folder, "path": folder, "status": "server,0;"}
    reply = scratch.client.raw(Request("getsyncdelta", "/app/sync/getsyncdelta", form=form))
    records = raw.records_in(reply, "record")
    if not records:
        said = raw.answer_of(reply, scratch.client)
        return ok(f"No change feed ({said.said or said.status}); targets do without it.")
    fields = ", ".join(sorted(records[0]))
    told = plural(len(records), "record")
    return ok(f"There is a change feed, {told} for one file (fields {fields}); targets do without it.")
