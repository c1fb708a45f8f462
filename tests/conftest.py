"""What the tests of several rooms share."""

from tests.postgres_server import postgres_server

__all__ = ["postgres_server"]
