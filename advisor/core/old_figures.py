"""Figures that are known to be old: they are shown, and never make a message urgent by themselves."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from advisor.core.catalogue import OLD_AFTER
from advisor.core.concerns import deciding, tests
from advisor.core.document import Document
from advisor.core.lifecycle import Finding
from advisor.core.limits import Limits
from advisor.core.model import Confidence, LimitInForce
from advisor.core.rule import Rule
from advisor.core.sentence import ShareOf, Test

_AGE = timedelta(days=OLD_AFTER)


def old(limit: LimitInForce, now: datetime) -> bool:
    """Say whether a limit is a document's word alone, and that more than 180 days old."""
    return (
        limit.confidence is Confidence.DOCUMENT_ONLY and limit.as_of is not None and now - limit.as_of > _AGE
    )


def speaks_from_old_figure(
    rule: Rule, finding: Finding, limits: Limits, documents: Mapping[str, Document], now: datetime
) -> bool:
    """Say whether a finding rests on a document's old figure alone.

    Either the limit in force is no more than that; or the sentence holds a number of the document's own, and
    the limit in force, from a better source, is another one than that document says.
    """
    metric, kind = deciding(rule, finding.copy)
    limit = limits.find(finding.subject, metric, kind, now)
    if limit is None:
        return False
    if old(limit, now):
        return True
    document = documents.get(rule.source.document)
    first = next(tests(rule.sentence.condition))
    if document is None or not isinstance(first, Test) or isinstance(first.threshold, ShareOf):
        return False
    aged = now.date() - document.as_of > _AGE
    return aged and f"{document.name} line " in limit.notes.get("differs", "")
