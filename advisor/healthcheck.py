"""Asks the daemon on this machine whether it is alive: `python -m advisor.healthcheck [HOST:PORT]`.

It runs every few seconds in a container, so it imports the standard library only. Exit code 0 is alive.
"""

import http.client
import os
import sys

ADDRESS = "127.0.0.1:8080"


def alive(address: str, timeout: float = 2.0) -> str:
    """Return what is wrong with the daemon at `address`; empty if it answers within `timeout` seconds."""
    connection = http.client.HTTPConnection(address, timeout=timeout)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{address}: {str(error) or type(error).__name__}"
    finally:
        connection.close()
    return "" if status == http.client.OK else f"{address}: /healthz answers {status}"


if __name__ == "__main__":
    wrong = alive(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ADVISOR_HEALTHCHECK", ADDRESS))
    if wrong:
        print(wrong, file=sys.stderr)
    sys.exit(1 if wrong else 0)
