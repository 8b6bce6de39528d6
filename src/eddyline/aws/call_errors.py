"""Errors of calls that only read and that an operator started: with the permissions that are missing."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from eddyline.core.errors import TransientError, UsageError

_ACCESS = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthFailure",
        "InvalidClientTokenId",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
    }
)


@contextmanager
def described(action: str, permissions: Collection[str]) -> Iterator[None]:
    """Raise the client's errors as `UsageError` without access, else as `TransientError`.

    `action` is what was attempted, `permissions` are what the role needs.
    """
    from botocore import exceptions as vendor  # noqa: PLC0415 - slow to import

    try:
        yield
    except vendor.ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _ACCESS:
            raise UsageError(
                f"{action}: {error}",
                remedy=f"allow this role {', '.join(permissions)}, or check its credentials",
            ) from error
        raise TransientError(f"{action}: {error}", remedy="try again later") from error
    except (vendor.NoCredentialsError, vendor.PartialCredentialsError, vendor.NoRegionError) as error:
        raise UsageError(
            f"{action}: {error}", remedy="set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ) from error
    except vendor.BotoCoreError as error:
        raise TransientError(
            f"{action}: {error}", remedy="check the network and the region, and try again"
        ) from error
