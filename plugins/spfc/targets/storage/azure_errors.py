"""Say in the words of :mod:`spfc.errors` what Azure Blob has refused, or why it could not be asked."""

from __future__ import annotations

from azure.core import exceptions as azure

from spfc.errors import (
    AuthenticationRefused,
    ItemError,
    NameRefused,
    PermissionMissing,
    PlaceNotFound,
    ServiceBusy,
    ServiceError,
    SpfcError,
    TargetLocked,
    Unreachable,
)

_LOGIN = frozenset({"AuthenticationFailed", "InvalidAuthenticationInfo", "NoAuthenticationInformation"})
_NO_PLACE = frozenset({"ContainerNotFound", "ContainerBeingDeleted", "ContainerDisabled", "ResourceNotFound",
                       "AccountIsDisabled", "InvalidResourceName"})  # fmt: skip
_LOST = frozenset({"InvalidBlockList", "InvalidBlobOrBlock", "InvalidBlockId"})
_NAME = frozenset({"InvalidUri", "OutOfRangeInput", "RequestUrlFailedToParse", "InvalidInput"})
_LOCKED = frozenset({"LeaseIdMissing", "LeaseAlreadyPresent", "BlobImmutableDueToPolicy", "SnapshotsPresent",
                     "BlobImmutableDueToLegalHold"})  # fmt: skip


def code_of(error: BaseException) -> str:
    """Return Azure's code for an answer that came as an exception, its status when it has none, else ``""``."""
    if not isinstance(error, azure.HttpResponseError):
        return ""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or error.status_code or "")


def explain(error: BaseException, item: str) -> SpfcError:
    """Return the error for a failed request about ``item``; of Azure's words only the code is told, for they may hold
    signatures and addresses with keys in them.
    """
    code, status = code_of(error), int(getattr(error, "status_code", None) or 0)
    if code:
        return _by_code(code, status, item)
    if isinstance(error, azure.ClientAuthenticationError):
        return AuthenticationRefused("Azure gives no token.", hint="Check the credentials of the connection.")
    if isinstance(error, (azure.ServiceRequestError, ConnectionError)):
        hint = "Check the host of the connection, the network and any proxy."
        return Unreachable(f"Azure Blob cannot be reached ({type(error).__name__}).", hint=hint)
    return ServiceBusy(f"Azure Blob did not answer properly ({type(error).__name__}).", item=item)


def _by_code(code: str, status: int, item: str) -> SpfcError:
    said = f"Azure Blob said {code}."
    if code in _LOGIN or status == 401:
        return AuthenticationRefused(said, hint="Check key, SAS token (has it ended?) or tenant of the connection.")
    if status == 403:
        return PermissionMissing(said, item=item, hint="See docs/object-storage.md for the rights that are needed.")
    if code in _NO_PLACE:
        return PlaceNotFound(said, item=item, hint="Check account and container; spfc makes no containers.")
    if code in _LOST:
        return ServiceBusy("Azure has lost the upload.", item=item, hint="Start the file again at offset 0.")
    if code in _NAME or status == 414:
        return NameRefused(said, item=item, hint="Azure takes names of up to 1,024 characters.")
    if code in _LOCKED:
        return TargetLocked(said, item=item)
    if status == 413:
        return ItemError(said, item=item, hint="Lower chunk_mib of the target.")
    if status >= 500 or status in (408, 409, 429):  # Azure's client has waited as it was told to, and tried again
        return ServiceBusy(said, item=item)
    return ServiceError(said, item=item) if status == 0 else ItemError(said, item=item)
