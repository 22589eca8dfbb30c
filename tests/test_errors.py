"""The tree of errors: closed, documented, each with a code and one thing to do."""

from __future__ import annotations

import inspect
import re

import pytest

from spfc import errors
from spfc.errors import CursorExpired, Disposition, ItemGone, SpfcError, TargetLocked, Throttled

CLASSES = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, SpfcError)]


def test_codes_are_unique_words() -> None:
    codes = [each.code for each in CLASSES]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z_]+", code) for code in codes)


def drawn() -> dict[str, tuple[str, str]]:
    """Return name -> (parent, disposition or nothing) as the module's docstring draws the tree."""
    found: dict[str, tuple[str, str]] = {}
    above = ["SpfcError"]
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^ {4}([│ ]*)[├└]── (\w+) .*?(retry|wait|defer|hold|stop)?$", line)
        if match:
            depth = len(match[1]) // 4
            above[depth + 1 :] = [match[2]]
            found[match[2]] = (above[depth], match[3] or "")
    return found


def test_the_drawn_tree_is_the_real_one() -> None:
    tree = drawn()
    assert tree.keys() == {each.__name__ for each in CLASSES} - {"SpfcError"}
    for each in CLASSES:
        if each is not SpfcError:
            parent, disposition = tree[each.__name__]
            assert each.__mro__[1].__name__ == parent
            leaf = not each.__subclasses__()
            if disposition or (leaf and parent not in ("ConfigurationError", "RunError")):
                assert each.disposition == disposition or parent in ("SpfcError",), each


@pytest.mark.parametrize("each", CLASSES)
def test_every_error_says_what_where_and_what_next(each: type[SpfcError]) -> None:
    assert each.__doc__
    assert str(each("It broke.")) == "It broke."
    assert str(each("It broke.", hint="Mend it.")) == "It broke. Mend it."
    assert isinstance(each("x").disposition, Disposition)


def test_details() -> None:
    error = TargetLocked("Locked.", item="/a/b", hint="Wait.")
    assert str(error) == "Locked. [/a/b] Wait."
    assert (error.message, error.item, error.hint) == ("Locked.", "/a/b", "Wait.")
    assert Throttled("Wait.", retry_after=3).retry_after == 3
    assert CursorExpired("Gone.", restart="link").restart == "link"
    assert "link" not in str(CursorExpired("Gone.", restart="link"))
    assert ItemGone("x").disposition is Disposition.DEFER
