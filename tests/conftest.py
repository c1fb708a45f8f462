"""What the tests of several rooms share."""

from tests.postgres_server import postgres_server as postgres_server
