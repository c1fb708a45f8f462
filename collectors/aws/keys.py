"""Whose keys sign: those of advisor.yaml, else what botocore's chain finds (environment, profile, role).

The chain reads files and asks the machine's metadata service, so it runs in a thread; what it found is kept,
and renews itself where it is temporary.
"""

import asyncio
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from advisor.errors import InputError
from advisor.polling.contract import TokenRefused
from advisor.polling.sigv4 import Keys

if TYPE_CHECKING:
    from botocore.credentials import Credentials

__all__ = ["EXTRA", "keys"]

EXTRA = "AWS needs the extra `aws`: install it with `pip install 'scaling-advisor[aws]'`"


async def keys(access: str, secret: SecretStr | None, session: SecretStr | None, profile: str) -> Keys:
    """Return the keys to sign with now.

    Raises:
        InputError: The extra `aws` is not installed, or only half of a key is written.
        TokenRefused: There is no credential, or it cannot be renewed.
    """
    if bool(access) != (secret is not None):
        raise InputError("`access_key` and `secret` belong together: write both, or none", key="access_key")
    # Its first import takes a third of a second and reads files: not in the loop.
    frozen = await asyncio.to_thread(_found, profile, look=not access)
    if secret is not None:
        return Keys(access, secret, session)
    token = frozen.token
    return Keys(frozen.access_key, SecretStr(frozen.secret_key), SecretStr(token) if token else None)


def _found(profile: str, *, look: bool) -> Any:
    try:
        import botocore.auth
        from botocore.exceptions import BotoCoreError
    except ModuleNotFoundError:
        raise InputError(EXTRA) from None
    del botocore  # `signed` finds it imported.
    if not look:
        return None
    try:
        credentials = _chain(profile)
        if credentials is not None:
            return credentials.get_frozen_credentials()
    except BotoCoreError as error:
        _chain.cache_clear()
        # Its text may hold the addresses and account of a role: the kind is enough.
        raise TokenRefused(
            f"AWS: no credential could be loaded ({type(error).__name__}); check `profile`, the role or the "
            "environment"
        ) from None
    _chain.cache_clear()  # One that appears later is found by the next poll.
    raise TokenRefused(
        "AWS: no credential; write `access_key` and `secret`, name a `profile`, or give this machine a role"
    )


@cache
def _chain(profile: str) -> "Credentials | None":
    import botocore.session

    session = botocore.session.Session(profile=profile or None)
    found: Credentials | None = session.get_credentials()
    return found
