"""`python -m bench [NAME ...]`: run benchmarks by name; without one, list them."""

import importlib
import sys

NAMES = {
    "evaluate": "40 rules over 100, 10,000 and 100,000 stacks, and the cold load, beside Prometheus",
    "idle": "memory and CPU of doing nothing, beside prometheus + alertmanager + postgres_exporter",
    "latency": "the estimates of p95 and p99 query time against logs of every transaction and statement",
    "message": "from a threshold crossed at the source to the message at the channel, beside the same",
    "polls": "polls per CPU second at 200 ms latency, into the store as well, beside bare aiohttp",
    "start": "start to ready, --help, check of 1,000 rules",
    "store": "bytes a sample, a read of 90 days, cost of a poll's transaction, on SQLite and PostgreSQL",
}


def main() -> None:
    """Run what is named."""
    if len(sys.argv) == 1:
        for name, what in NAMES.items():
            print(f"{name:11} {what}")
        return
    for name in sys.argv[1:]:
        if name not in NAMES:
            sys.exit(f"no benchmark {name}; known: {', '.join(NAMES)}")
        importlib.import_module(f"bench.{name}").main()


if __name__ == "__main__":
    main()
