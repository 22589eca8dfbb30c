"""What all targets of files are tried with: a look at all of it, and the engine's own way of carrying a file."""

from __future__ import annotations

import pytest
from tests.targets.contract import noise, put

from spfc.errors import ItemGone
from spfc.planning.model import Kind
from spfc.targets.base import Target
from spfc.transfer.carry import carry_file
from spfc.transfer.read_back import read_back


def assert_carried(target: Target, place: str) -> None:
    """Carry two files of one name to ``place`` and see both there, whole."""
    vault = target.beside(place)
    vault.make_folder("/")
    for number, expected in enumerate(("/x.bin", "/x (2).bin")):
        content = noise(3 * target.chunk_size + 5, number)
        put(target, "/x.bin", content)
        entry = target.stat("/x.bin")
        assert entry is not None
        assert carry_file(target, entry, vault, "/x.bin", age=0, hurried=bool) == expected
        found = read_back(vault, expected, size=len(content))
        assert found is not None
        assert found.size == len(content)
        assert target.stat("/x.bin") is None
        with pytest.raises(ItemGone):
            target.open("/x.bin", size=1)


def tree(target: Target, path: str = "/") -> dict[str, bytes | None]:
    """Return every path below a folder as the target itself shows them: files with their content, None for folders."""
    found: dict[str, bytes | None] = {}
    for entry in target.list_folder(path) or ():
        if entry.kind is Kind.FOLDER:
            found |= {entry.path: None, **tree(target, entry.path)}
        else:
            found[entry.path] = target.open(entry.path, size=entry.size).read(entry.size)
    return found
