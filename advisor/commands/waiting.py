"""What rules wait for: which reading, limit or answer would let most of them be judged."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from advisor.core.judgement import NOT_APPLICABLE, UNKNOWN, VERDICTS, TermVerdict
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Subject
from advisor.core.plans import DIFFERS
from advisor.core.watch import Watch
from advisor.core.wording import counted
from advisor.feeds import Feed, gives, of_stack

__all__ = ["Wanted", "wanted"]


@dataclass(slots=True)
class Wanted:
    """Something that rules wait for. `metric` is empty where it is the answer to a question."""

    subject: str
    metric: str
    why: str
    way_out: str
    rules: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        what = f"`{self.metric}` of {self.subject}" if self.metric else f"an answer about {self.subject}"
        word = "wait" if len(self.rules) != 1 else "waits"
        return f"{counted(len(self.rules), 'rule')} {word} for {what} ({self.why}): {self.way_out}"


def wanted(watch: Watch, feeds: Sequence[Feed], failed: Collection[str]) -> list[Wanted]:
    """Return what rules wait for, most first. `failed` are the subjects whose sources did not answer."""
    found: dict[tuple[str, str, bool], Wanted] = {}
    ways = _Ways(watch, feeds, failed)
    for judged in watch.decision.judged if watch.decision else ():
        for place, row in enumerate(judged.rows.tolist()):
            verdict = int(judged.verdict[place])
            if verdict not in {UNKNOWN, NOT_APPLICABLE}:
                continue
            subject = watch.fleet.subjects[row]
            asked = judged.asks is not None and bool(judged.asks[place])
            for term in judged.explain(place):
                if term.verdict != VERDICTS[UNKNOWN]:
                    continue
                whom = ways.subject(subject, term.metric)
                if verdict == NOT_APPLICABLE and not ways.ungiven(whom, term.metric):
                    continue
                if term.metric == DIFFERS or (
                    term.metric == "restricted" and ways.ungiven(whom, term.metric)
                ):
                    continue  # A provider tells it of itself, or nobody does.
                if not term.metric and not asked:
                    continue
                key = (whom, term.metric or term.why, term.value is None)
                if key not in found:
                    found[key] = Wanted(
                        whom, term.metric, term.why, ways.out(whom, term, judged.rule.question)
                    )
                found[key].rules.add(judged.rule.id)
    return sorted(found.values(), key=lambda one: (-len(one.rules), one.subject, one.metric))


class _Ways:
    """What can be done about a reading that is missing."""

    def __init__(self, watch: Watch, feeds: Sequence[Feed], failed: Collection[str]) -> None:
        self._gives = gives(feeds, watch.fleet)
        self._sourced: dict[str, list[Feed]] = defaultdict(list)
        for feed in feeds:
            self._sourced[feed.source.about].append(feed)
        self._failed = failed

    def subject(self, key: str, metric: str) -> str:
        """Return who has the metric: the stack itself for what is the stack's."""
        return Subject.parse(key).stack or key if metric and of_stack(VOCABULARY[metric]) else key

    def ungiven(self, key: str, metric: str) -> bool:
        """Say whether no source of the subject can give the metric."""
        return bool(metric) and key in self._sourced and not self._gives(key, metric, "")

    def out(self, key: str, term: TermVerdict, question: str) -> str:
        """Return what to do."""
        if not term.metric:
            return f"answer it under `needs:` ({question})" if question else "answer it under `needs:`"
        if term.value is not None:
            return "name its plan, or write the limit under `limits:`"
        if key in self._failed and not self.ungiven(key, term.metric):
            return "its source did not answer, as said above"
        if of_stack(VOCABULARY[term.metric]):
            return "write it under `facts:`, or give a service a source with that metric"
        if key in self._sourced and self._gives(key, term.metric, ""):
            return "its source has not given it yet; some take a second poll or a few days"
        return "give it a source with that metric"
