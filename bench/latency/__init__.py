"""How good the estimates of p95 and p99 query time are, against logs of every transaction and statement.

Each workload runs through pgbench for `LATENCY_SECONDS` (12) between two polls of the `postgresql` collector,
after a third of that as a past. The truth is twofold: the server's own log of every statement's duration,
and pgbench's log (`-l`) of every transaction, one statement each, the schedule's lag taken off. The client's
holds what no view in the server times: COMMIT, the way there and back, and waiting for a core.

Beside the estimate stand what is usually made of the same view: mean + 1.645 (for p99: 2.326) standard
deviations of all calls, and the longest call.

    python -m bench latency

`LATENCY_ONLY=word` runs the workloads with that word in their name.
"""

import os

from bench.latency.measure import markdown_of, measured

__all__ = ["main"]


def main() -> None:
    """Print the tables."""
    print(markdown_of(measured(os.environ.get("LATENCY_ONLY", ""))))
