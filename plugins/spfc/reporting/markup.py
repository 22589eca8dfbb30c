"""How a path becomes HTML: every name isolated by direction, breakable anywhere, the last name emphasised."""

from __future__ import annotations

from markupsafe import Markup, escape

from spfc.wording import visible


def path_markup(path: str) -> Markup:
    """Return a path whose names keep their own direction, so that Arabic folders do not swap places.

    ASCII names need no isolation and get none, which keeps pages small.
    """
    folder, slash, name = visible(path).rpartition("/")
    parts = [_name(part) for part in folder.split("/")] if slash else []
    head = Markup("/<wbr>").join(parts) + Markup("/<wbr>") if slash else Markup("")
    return Markup('<span class="path">{}<b>{}</b></span>').format(head, _name(name))


def _name(text: str) -> Markup:
    return escape(text) if text.isascii() else Markup("<bdi>{}</bdi>").format(text)
