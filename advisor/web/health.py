"""Whether the advisor is alive and ready. Pure."""

from advisor.core.snapshot import Snapshot


def problems(snapshot: Snapshot) -> list[str]:
    """Return why the advisor is not ready, nothing where it is.

    It is ready when the engine says so and every source has answered or failed once: a source that is down
    is the advisor's subject, not its fault.
    """
    found = [f"{source.subject} has not been polled yet" for source in snapshot.sources if source.up is None]
    if not snapshot.ready:
        found = [*(snapshot.problems or ("the advisor is starting",)), *found]
    return found
