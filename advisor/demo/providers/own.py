"""What the team serves itself: an endpoint that counts users, and a Prometheus."""

from urllib.parse import parse_qs

from advisor.demo.wire import NOT_FOUND, Answered, Asked
from advisor.demo.world import World

__all__ = ["DATABASE_P95", "answer"]

#: The query that the demo's configurations ask for the database's answers.
DATABASE_P95 = "histogram_quantile(0.95, sum by (le) (rate(db_query_duration_seconds_bucket[5m])))"


def answer(asked: Asked, world: World) -> Answered:
    """Answer for the team's own endpoints."""
    if asked.path == "/accounts":
        return Answered({"users": {"registered": world.level("own", "users", asked.now)}})
    if asked.path == "/prometheus/api/v1/query":
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        query = asked.query.get("query") or form.get("query", "")
        result = []
        if query == DATABASE_P95:
            value = world.level("own", "query_time", asked.now)
            result = [{"metric": {}, "value": [asked.now.timestamp(), repr(value)]}]
        return Answered({"status": "success", "data": {"resultType": "vector", "result": result}})
    return NOT_FOUND
