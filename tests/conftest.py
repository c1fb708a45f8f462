"""What the tests of several rooms share."""

from tests.postgres_server import postgres_server
from tests.prometheus_server import prometheus_server

__all__ = ["postgres_server", "prometheus_server"]
