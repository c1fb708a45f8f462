"""Benchmarks that a reader can run again, with the peers beside them. `python -m bench NAME`."""
