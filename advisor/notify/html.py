"""Messages as HTML for mail readers: CSS within the elements, no pictures, nothing from elsewhere.

Gmail hides what lies beyond some 100 KB, so that a page which grows too large names fewer concerns.
"""

from functools import cache
from typing import Any

from advisor.core.costs import words as costs
from advisor.core.message import Digest, DigestConcern, DigestLimit, Message, Notice
from advisor.core.wording import (
    by_when,
    could,
    counted,
    day,
    event,
    filled,
    first_steps,
    limit_marks,
    marks,
    moment,
    money,
    parts,
    place,
    price,
    severity,
    share,
    short_source,
    target,
    whys,
)
from advisor.notify.text import digest_headline, footer, quiet, subject

#: Bytes a page may have.
MOST = 80_000


def html(message: Message) -> str:
    """Return the whole message as one page below 80 KB."""
    if message.digest is not None:
        return digest_html(message.digest)
    page = ""
    for count in (50, 20, 10, 5, 2, 1):
        page = _render(
            "alert.html.j2",
            title=subject(message),
            simulated=any(notice.simulated for notice in message.notices),
            message=message,
            notices=message.notices[:count],
            more=max(0, len(message.notices) - count),
        )
        if len(page.encode()) <= MOST:
            break
    return page


def digest_html(digest: Digest) -> str:
    """Return the digest as one page below 80 KB."""
    page = ""
    for count in (50, 20, 10, 5, 2, 1):
        resolved = [
            f"{place(one.stack, one.service)}: {one.title} ({day(one.since, digest.timezone)})"
            for one in digest.resolved[:count]
        ]
        page = _render(
            "digest.html.j2",
            title=digest_headline(digest),
            simulated=digest.simulated,
            digest=digest,
            todo=sum(not concern.waits for concern in digest.concerns),
            quiet=quiet(digest),
            concerns=digest.concerns[:count],
            more=max(0, len(digest.concerns) - count),
            resolved=resolved,
            foot=footer(digest),
        )
        if len(page.encode()) <= MOST:
            break
    return page


def _place(about: Notice | DigestConcern | DigestLimit) -> str:
    return place(about.stack, about.service, about.environment if isinstance(about, Notice) else "")


def _marks(about: Notice | DigestConcern) -> tuple[str, ...]:
    return marks(about)  # The page itself says when it is simulated.


def _event(notice: Notice) -> str:
    said = event(notice)
    return "" if said in {"fired", "resolved", "verified"} else said


def _severity(notice: Notice) -> str:
    return severity(notice.severity, notice.event)


@cache
def _environment() -> Any:
    import jinja2  # Imported where used: most daemons send no HTML for days.

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("advisor.notify"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(
        by_when=by_when,
        costs=costs,
        counted=counted,
        day=day,
        event=_event,
        filled=filled,
        first_steps=first_steps,
        limit_marks=limit_marks,
        marks=_marks,
        moment=moment,
        money=money,
        parts=parts,
        could=could,
        place=_place,
        price=price,
        severity=_severity,
        share=share,
        short_source=short_source,
        target=target,
        whys=whys,
    )
    return environment


@cache
def _inliner() -> Any:
    import css_inline

    # At-rules stay in a style element: they carry the dark colours, where a reader knows them.
    return css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


def _render(template: str, **values: Any) -> str:
    page = _environment().get_template(template).render(**values)
    return str(_inliner().inline(page))
