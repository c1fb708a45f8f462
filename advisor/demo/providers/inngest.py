"""Inngest on its free plan: no counters, but the list of runs, newest first."""

from advisor.demo.wire import NOT_FOUND, Answered, Asked, stamp
from advisor.demo.world import World

__all__ = ["answer"]

_PAGE = 100


def answer(asked: Asked, world: World) -> Answered:
    """Answer one page of runs; the counters are for paid plans."""
    if asked.path.startswith("/v1/prom/"):
        return Answered({"error": "not available on this plan"}, 403)
    if asked.path != "/v2/runs":
        return NOT_FOUND
    queued = world.moments("inngest", "runs", asked.time("from"), asked.time("until"))[::-1]
    first = int(asked.query.get("cursor", "0"))
    rows = [
        {
            "id": f"r-{at.timestamp():.3f}",
            "function": {"id": "f-1"},
            "status": "FUNCTION_RUN_STATUS_COMPLETED",
            "queuedAt": f"{at:%Y-%m-%dT%H:%M:%S.%f}Z",
        }
        for at in queued[first : first + _PAGE]
    ]
    more = first + _PAGE < len(queued)
    page = {"hasMore": more, "limit": _PAGE, **({"cursor": str(first + _PAGE)} if more else {})}
    return Answered({"data": rows, "metadata": {"fetchedAt": stamp(asked.now)}, "page": page})
