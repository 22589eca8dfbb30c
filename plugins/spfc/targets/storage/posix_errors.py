"""Say in the words of :mod:`spfc.errors` what a file system has refused."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from spfc.errors import (
    ItemError,
    MoveRefused,
    NameRefused,
    PermissionMissing,
    PlaceNotFound,
    QuotaFull,
    ServiceBusy,
    SpfcError,
    TargetLocked,
)

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_NAME = frozenset({errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL})
_BUSY = frozenset({errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.EINTR, errno.ENOMEM, errno.EMFILE,
                   errno.ENFILE, errno.EREMOTEIO, errno.EHOSTDOWN, errno.ECONNRESET, errno.ENOLCK})  # fmt: skip
_NO_DEVICE = frozenset({errno.ENODEV, errno.ENXIO, errno.ENOTCONN, errno.ESHUTDOWN, errno.ENOMEDIUM})
NO_FOLDER = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""What opening a folder says when there is none: nothing, something else, or a link, which is never followed."""


def explain(error: OSError, item: str) -> SpfcError:
    """Return the error for what the file system said of ``item``."""
    said = f"The file system said: {os.strerror(error.errno) if error.errno else error.strerror or 'nothing'}."
    code = error.errno or 0
    if code in _FULL:
        return QuotaFull(said, item=item, hint="Make room in the target folder, or raise its quota.")
    if code in _FORBIDDEN:
        hint = "Give the account that runs Airflow's tasks the right to read and write the whole target folder."
        return PermissionMissing(said, item=item, hint=hint)
    if code in _NAME:
        return NameRefused(said, item=item, hint="Rename the item at the source, or mirror to another file system.")
    if code == errno.EFBIG:
        return ItemError(said, item=item, hint="The file system, or a limit of the account, allows no such large file.")
    if code == errno.EXDEV:
        return MoveRefused("Another file system is mounted there.", item=item)
    if code in (errno.ETXTBSY, errno.EBUSY):
        return TargetLocked(said, item=item)
    if code in _BUSY:
        return ServiceBusy(said, item=item, hint="Look at the storage behind the target folder.")
    if code in _NO_DEVICE:
        return PlaceNotFound(said, item=item, hint="Is the storage of the target folder mounted?")
    if code in NO_FOLDER:
        return ItemError("The folder for this item is not there at the target.", item=item)
    return ItemError(said, item=item)


@contextmanager
def explained(item: str) -> Iterator[None]:
    """Turn what the file system refuses within into errors about ``item``; so, too, a name that it cannot spell."""
    try:
        yield
    except OSError as error:
        raise explain(error, item) from error
    except UnicodeEncodeError as error:
        raise NameRefused("The file system cannot spell this name.", item=ascii(item)) from error
