"""Say in the words of :mod:`spfc.errors` what S3 has refused, or why it could not be asked."""

from __future__ import annotations

import re

from botocore import exceptions as boto

from spfc.errors import (
    AuthenticationRefused,
    ItemError,
    NameRefused,
    PermissionMissing,
    PlaceNotFound,
    QuotaFull,
    ServiceBusy,
    ServiceError,
    SpfcError,
    Unreachable,
)

_LOGIN = frozenset({
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired", "401",
    "AuthorizationHeaderMalformed", "RequestTimeTooSkewed", "InvalidSecurity", "ExpiredTokenException",
    "UnrecognizedClientException", "InvalidClientTokenId",
})  # fmt: skip
_FORBIDDEN = frozenset({
    "AccessDenied", "AllAccessDisabled", "AccountProblem", "403", "MethodNotAllowed", "405",
    "KMS.DisabledException", "KMS.AccessDeniedException",
})  # fmt: skip
_NO_PLACE = frozenset({"NoSuchBucket", "InvalidBucketName", "PermanentRedirect", "301"})
_BUSY = frozenset({
    "500", "502", "503", "504", "InternalError", "ServiceUnavailable", "RequestTimeout", "OperationAborted", "408",
    "409", "ConditionalRequestConflict", "IncompleteBody", "BadDigest",
})  # fmt: skip
_SLOW = frozenset({
    "SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests", "429",
    "RequestThrottled", "BandwidthLimitExceeded",
})  # fmt: skip
_NO_ROOM = frozenset({"QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "507"})
_NAME = frozenset({"KeyTooLongError", "XMinioInvalidObjectName", "InvalidURI"})


class SlowDown(ServiceBusy):
    """S3 wants fewer requests; it names no time to wait."""


def code_of(error: BaseException) -> str:
    """Return S3's code for an answer that came as an exception (of botocore, or translated by s3fs), else ``""``."""
    origin = error if isinstance(error, boto.ClientError) else error.__cause__
    if not isinstance(origin, boto.ClientError):
        return ""
    return str(origin.response.get("Error", {}).get("Code", ""))


def explain(error: BaseException, item: str) -> SpfcError:
    """Return the error for a failed request about ``item``; holds nothing that was secret in it."""
    code = code_of(error)
    if code:
        return _by_code(code, _words(error), item)
    if isinstance(error, (boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError,
                          boto.TokenRetrievalError, boto.UnauthorizedSSOTokenError)):  # fmt: skip
        hint = "Put access key and secret into the Airflow connection, or give the worker a role."
        return AuthenticationRefused("There are no usable credentials for S3.", hint=hint)
    if isinstance(error, boto.ParamValidationError):
        return NameRefused("S3 cannot take such a name.", item=ascii(item))
    if isinstance(error, (boto.ConnectionError, boto.EndpointConnectionError, ConnectionError)):
        hint = "Check the endpoint of the connection, the network and any proxy."
        return Unreachable(f"S3 cannot be reached ({type(error).__name__}).", hint=hint)
    return ServiceBusy(f"S3 did not answer properly ({type(error).__name__}).", item=item)


def _by_code(code: str, words: str, item: str) -> SpfcError:
    said = f"S3 said {code}{words}."
    if code in _LOGIN:
        return AuthenticationRefused(
            f"S3 said {code}.",
            hint="Check access key, secret, token and region of the connection, and the worker's clock.",
        )
    if code in _FORBIDDEN:
        return PermissionMissing(said, item=item, hint="See docs/object-storage.md for the rights that are needed.")
    if code in _NO_PLACE:
        return PlaceNotFound(said, item=item, hint="Check the name and region of the bucket; spfc makes no buckets.")
    if code in _SLOW:
        return SlowDown(said, item=item)
    if code in _NO_ROOM:
        return QuotaFull(said, item=item, hint="Make room in the bucket or raise its quota.")
    if code in _NAME:
        return NameRefused(said, item=item, hint="S3 takes paths of up to 1,024 bytes.")
    if code in _BUSY:
        return ServiceBusy(said, item=item)
    if code in ("NoSuchUpload", "InvalidPart", "InvalidPartOrder"):
        return ServiceBusy("S3 has lost the upload.", item=item, hint="Start the file again at offset 0.")
    return ItemError(said, item=item) if code != "NotImplemented" else ServiceError(said, item=item)


def _words(error: BaseException) -> str:
    """Return S3's own sentence without anything that may be a signature."""
    text = str(error)
    origin = error if isinstance(error, boto.ClientError) else error.__cause__
    if isinstance(origin, boto.ClientError):
        text = str(origin.response.get("Error", {}).get("Message", ""))
    text = re.sub(r"\?\S+", "?...", text).strip().rstrip(".")[:200]
    return f" ({text})" if text else ""
