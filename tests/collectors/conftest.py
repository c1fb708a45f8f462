"""What a poll is given: the client as the daemon makes it, a service, an account, a moment."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from advisor.core.fleet import Account, Service
from advisor.polling.client import client
from advisor.polling.contract import Poll


@pytest.fixture
async def poll_at() -> AsyncIterator[Callable[..., Poll]]:
    """Make a poll: `poll_at(now, since=..., previous=...)`."""
    async with client() as http:

        def make(now: Any, **more: Any) -> Poll:
            service = Service("shop", "backend", "backend", "prometheus", "own")
            return Poll(http, service, Account("own", "prometheus"), now, **more)

        yield make
