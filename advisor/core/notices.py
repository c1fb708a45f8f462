"""From a round's notices to messages: one a stack and channel, and one in all when it storms. Pure."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from advisor.core.message import Digest, Event, Message, Notice
from advisor.core.model import Severity
from advisor.core.wording import counted, place

#: More notices than this for one channel in one round become one summary.
STORM = 10

#: A summary names this many concerns, the worst first, and counts the rest.
NAMED = 50

_ORDER: Mapping[Severity, int] = {severity: rank for rank, severity in enumerate(Severity)}
_GOOD = frozenset({Event.RESOLVED, Event.NEW_PERIOD, Event.VERIFIED})


def group(
    notices: Sequence[Notice],
    channels: Sequence[str],
    now: datetime,
    key: Callable[[Notice], str],
    storm: int = STORM,
) -> list[Message]:
    """Return the messages that tell every channel these notices.

    `key` names a transition for ever (concern, event, episode, when it fired): the same transitions make
    messages with the same ids, so that a round repeated after a crash sends nothing twice. `storm` is
    how many notices a channel is given one by one.
    """
    if not notices:
        return []
    ordered = sorted(notices, key=_worst_first)
    if len(ordered) > storm:
        return [_summary(ordered, channel, now, key) for channel in channels]
    stacks: dict[tuple[str, str], list[Notice]] = {}
    for notice in ordered:
        stacks.setdefault((notice.stack, notice.environment), []).append(notice)
    return [
        Message(
            id=_id("alert", channel, map(key, together)),
            channel=channel,
            kind="alert",
            at=now,
            notices=tuple(together),
            text=_headline(together),
        )
        for channel in channels
        for together in stacks.values()
    ]


def digest_message(digest: Digest, channel: str) -> Message:
    """Return the message that carries a digest; its id is of channel, cadence and local date.

    A schedule that fires twice when the clock goes back makes the same id.
    """
    local = digest.until.astimezone(ZoneInfo(digest.timezone)).date().isoformat()
    return Message(
        id=_id("digest", channel, (digest.cadence, local)),
        channel=channel,
        kind="digest",
        at=digest.until,
        digest=digest,
        text=f"{digest.cadence.capitalize()} digest of {local}",
    )


def trial_message(channel: str, now: datetime) -> Message:
    """Return the message of `advisor notify test`."""
    return Message(
        id=_id("test", channel, (now.isoformat(),)),
        channel=channel,
        kind="test",
        at=now,
        text=f"Scaling Advisor can reach {channel}. Nothing has to be done.",
    )


def _id(kind: str, channel: str, keys: Iterable[str]) -> str:
    parts = "\x1f".join((kind, channel, *sorted(keys)))
    return hashlib.sha256(parts.encode()).hexdigest()[:32]


def _worst_first(notice: Notice) -> tuple[bool, int, str, str, str]:
    return (notice.event in _GOOD, _ORDER[notice.severity], notice.stack, notice.service, notice.concern)


def _headline(notices: Sequence[Notice]) -> str:
    """Say in one line what a message is about; notifications show only this."""
    first = notices[0]
    about = place(first.stack, first.service, first.environment)
    word = first.event.value if first.event in _GOOD else first.severity.value
    if len(notices) == 1:
        return f"{about}: {first.title} ({word})"
    if len({notice.service for notice in notices}) > 1:
        about = place(first.stack, "", first.environment)
    return f"{about}: {counted(len(notices), 'concern')}, first: {first.title} ({word})"


def _summary(ordered: Sequence[Notice], channel: str, now: datetime, key: Callable[[Notice], str]) -> Message:
    stacks = len({notice.stack for notice in ordered})
    good = sum(notice.event in _GOOD for notice in ordered)
    text = f"{counted(len(ordered), 'concern')} changed at once in {counted(stacks, 'stack')}"
    tally = [
        f"{count:,} {severity.value}"
        for severity in Severity
        if (count := sum(n.severity is severity and n.event not in _GOOD for n in ordered))
    ]
    if good:
        tally.append(f"{good:,} resolved")
    text += f": {', '.join(tally)}"
    if len(ordered) > NAMED:
        text += f"; the {NAMED} worst are named"
    return Message(
        id=_id("summary", channel, map(key, ordered)),
        channel=channel,
        kind="summary",
        at=now,
        notices=tuple(ordered[:NAMED]),
        text=text,
    )
