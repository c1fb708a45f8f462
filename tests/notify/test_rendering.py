import json
import re

import pytest

from advisor.core.message import Could, Digest, Event, Message, Notice, Recommendation
from advisor.core.model import Action, Quality, Severity
from advisor.core.notices import digest_message, group, trial_message
from advisor.notify.blocks import payload
from advisor.notify.html import digest_html, html
from advisor.notify.render import FORMATS, render
from advisor.notify.text import digest_text, subject, text

EVIL = 'Storage <script>alert(1)</script> & <!channel> <@U123> <https://evil.example|click> "x"'


def alert(*notices: Notice) -> Message:
    return group(notices, ["slack"], notices[0].at, lambda one: one.concern)[0]


def in_all_forms(message: Message) -> dict[str, str]:
    slack = json.dumps(payload(message), ensure_ascii=False)
    page = re.sub(r"<style>.*?</style>", "", html(message), flags=re.DOTALL)
    return {"text": " ".join(text(message).split()), "html": page, "slack": slack}


def test_every_form_says_what_to_do_by_when_at_what_price_and_why(message: Message):
    for form, said in in_all_forms(message).items():
        for needed in (
            "Storage is at 80 % of the free plan",
            "Upgrade the database to Supabase Pro",
            "$25 a month more",
            "by 21 Nov 2026 (80 % interval: 18 to 27 Nov 2026)",
            "becomes read-only at 500 MB",
            "401 MB against 400 MB (limit 500 MB, from app-virgin)",
            "a line through 30 days of storage (simple)",
            "Back up with pg_dump.",
            "drop unused indexes",
            "price as of 2026-10-01",
            "learning: 3 of 7 days",
        ):
            assert needed in said, (form, needed)


def test_every_form_of_a_digest_says_all_its_parts(digest: Digest):
    message = digest_message(digest, "slack")
    for form, said in in_all_forms(message).items():
        for needed in (
            "1 thing to do",
            "CPU is above 80 % for an hour",
            "by ana until it is above 95 %",
            "estimated",
            "manual",
            "stale",
            "401 MB of 500 MB",
            "silent since 7 Nov 2026 04:10 WET",
            "no reading of records (2 rules)",
            "E-mails per day were near 100 (5 Nov 2026)",
            "38 judged, 4 unknown, 6 not applicable",
            "Cost $31.50 a month",
        ):
            assert needed in said, (form, needed)


def test_every_form_says_what_was_answered_verified_and_is_to_be_ticked_off(digest: Digest):
    first, *rest = digest.concerns
    rejected = first.model_copy(
        update={"answered": "rejected", "answer": "rejected by ana until 90 % is used"}
    )
    answered = digest.model_copy(
        update={
            "concerns": (rejected, *rest),
            "verified": ("shop/email emails: ana said done; plan free → pro",),
            "checklists": ("shop: From 1,000 users on, 0 of 5 done; open: Backups run",),
            "counts": {**digest.counts, "rejected": 1},
        }
    )
    for form, said in in_all_forms(digest_message(answered, "slack")).items():
        for needed in (
            "nothing to do",
            "Rejected by ana until 90 % is used",
            "Said to be done",
            "plan free → pro",
            "0 of 5 done; open: Backups run",
            "Recommendations answered: 1 rejected",
        ):
            assert needed.lower() in said.lower(), (form, needed)


def test_every_form_says_that_something_is_verified(notice: Notice):
    verified = notice.model_copy(update={"event": Event.VERIFIED, "note": "plan free → pro"})
    for form, said in in_all_forms(alert(verified)).items():
        assert "verified" in said.lower(), form
        assert "plan free → pro" in said, form


@pytest.mark.parametrize(
    ("cadence", "said"),
    [
        ("weekly", "a quiet week"),
        ("daily", "a quiet day"),
    ],
)
def test_a_quiet_time_says_so(digest: Digest, cadence: str, said: str):
    calm = digest.model_copy(
        update={
            "cadence": cadence,
            "concerns": (),
            "resolved": (),
            "sources": (),
            "counts": {"sources": 5, "silent": 0},
        }
    )
    assert said in subject(digest_message(calm, "slack"))
    assert "every source answered" in digest_text(calm)
    assert "every source answered" in digest_html(calm)


def test_use_of_a_limit_of_nothing_is_over_it(digest: Digest):
    over = digest.model_copy(update={"limits": (digest.limits[0].model_copy(update={"used": float("inf")}),)})
    for said in in_all_forms(digest_message(over, "slack")).values():
        assert "over 100 %" in said


def test_a_week_with_a_silent_source_is_not_quiet(digest: Digest):
    calm = digest.model_copy(update={"concerns": (), "resolved": (), "counts": {"silent": 1}})
    assert "quiet" not in subject(digest_message(calm, "slack"))
    assert "A quiet" not in digest_html(calm)


def test_simulated_is_said_in_every_form(notice: Notice, digest: Digest):
    for message in (
        alert(notice.model_copy(update={"simulated": True})),
        digest_message(digest.model_copy(update={"simulated": True}), "slack"),
    ):
        assert subject(message).startswith("[simulated]")
        for said in in_all_forms(message).values():
            assert "simulated" in said


def test_stale_and_estimated_are_said_in_every_form(notice: Notice):
    guessed = notice.evidence[0].model_copy(update={"quality": Quality.ESTIMATED})
    doubtful = notice.model_copy(update={"event": Event.STALE, "evidence": (guessed,)})
    for said in in_all_forms(alert(doubtful)).values():
        assert "stale" in said
        assert "estimated" in said


def test_what_resolved_is_not_called_critical(notice: Notice):
    over = notice.model_copy(update={"event": Event.RESOLVED, "severity": Severity.CRITICAL})
    for said in in_all_forms(alert(over)).values():
        assert "critical" not in said.lower()
        assert "resolved" in said.lower()


def test_names_from_outside_make_no_markup_mention_or_link(notice: Notice):
    evil = notice.model_copy(update={"title": EVIL, "note": EVIL, "service": "<b>"})
    for message in (alert(evil), alert(*[evil] * 12)):
        page = html(message)
        assert "<script" not in page
        assert "<b>" not in page
        assert not re.findall(r"<[!@#]|<https", json.dumps(payload(message), ensure_ascii=False))


def test_mrkdwn_is_shown_as_it_is(message: Message):
    blocks = payload(message)["blocks"]
    texts = [block["text"] for block in blocks if block["type"] == "section"]
    assert texts
    assert all(text["verbatim"] for text in texts if text["type"] == "mrkdwn")


def test_the_id_is_in_the_payload(message: Message):
    assert payload(message)["blocks"][-1]["block_id"] == f"advisor-{message.id}"


@pytest.mark.parametrize("length", [10, 400, 5000])
@pytest.mark.parametrize("count", [1, 10, 60])
def test_slack_gets_no_more_than_it_takes(notice: Notice, digest: Digest, count: int, length: int):
    long = notice.model_copy(update={"title": "<&>ä" * length, "note": "n" * length})
    concern = digest.concerns[0].model_copy(update={"title": "<&>ä" * length})
    big = digest.model_copy(
        update={"concerns": (concern,) * count, "unknown": ("u" * length,) * count, "counts": {}}
    )
    for message in (alert(*[long] * count), digest_message(big, "slack")):
        made = payload(message)
        assert made["text"]
        assert len(made["blocks"]) <= 50
        assert len(json.dumps(made)) < 12_000
        for block in made["blocks"]:
            if block["type"] == "section":
                assert 0 < len(block["text"]["text"]) <= 3000
            if block["type"] == "header":
                assert len(block["text"]["text"]) <= 150
        assert not re.search(r"&(?!amp;|lt;|gt;)", json.dumps(made))


def test_what_does_not_fit_into_slack_is_counted(digest: Digest):
    many = digest.model_copy(update={"concerns": digest.concerns[:1] * 60})
    said = json.dumps(payload(digest_message(many, "slack")))
    assert re.search(r"\d+ parts more did not fit", said)


def test_a_page_for_mail_stays_below_what_gmail_shows(notice: Notice, digest: Digest):
    long = notice.model_copy(update={"title": "ä" * 3000, "note": "n" * 3000})
    concern = digest.concerns[0].model_copy(update={"title": "ä" * 3000})
    big = digest.model_copy(update={"concerns": (concern,) * 200, "resolved": (concern,) * 200})
    for page in (html(alert(*[long] * 9)), html(alert(*[long] * 99)), digest_html(big)):
        assert len(page.encode()) < 80_000
    assert "more did not fit" in digest_html(big)


def test_a_page_for_mail_has_its_colours_within_its_elements_and_asks_nobody(message: Message):
    page = html(message)
    assert 'style="' in page
    assert "<link" not in page
    assert "<img" not in page
    assert "http" not in page
    assert "prefers-color-scheme: dark" in page


def test_a_storm_is_one_line_a_concern(notice: Notice):
    storm = alert(*[notice.model_copy(update={"concern": str(n), "stack": f"s{n}"}) for n in range(60)])
    said = text(storm)
    assert "60 concerns changed at once in 60 stacks" in said
    assert said.count("→ upgrade free → pro by 21 Nov 2026") == 50
    assert "Step 1" not in said


def test_a_test_message_has_every_form(digest: Digest):
    for said in in_all_forms(trial_message("slack", digest.until)).values():
        assert "Scaling Advisor can reach slack" in said


def test_a_digest_is_rendered_in_every_form_that_the_command_knows(digest: Digest):
    assert render(digest, "text") == digest_text(digest)
    assert render(digest, "html").startswith("<!DOCTYPE html>")
    assert json.loads(render(digest, "slack"))["blocks"]
    made = json.loads(render(digest, "json"))
    assert made["version"] == 1
    assert Digest.model_validate(made["digest"]) == digest
    assert set(FORMATS) == {"text", "html", "slack", "json"}


def test_another_form_names_those_there_are(digest: Digest):
    with pytest.raises(ValueError, match="a digest has the forms text, html, slack, json; there is no `pdf`"):
        render(digest, "pdf")


def test_every_form_says_what_a_move_takes_and_what_its_price_is_made_of(notice: Notice):
    assert notice.recommendation is not None
    changes = {
        "currency": "EUR",
        "rate": 0.8,
        "switching": "code changes: none, downtime: not known",
        "price_parts": ("Pro €20", "tax of 23% €4.60"),
    }
    move = notice.recommendation.model_copy(update=changes)
    for said in in_all_forms(alert(notice.model_copy(update={"recommendation": move}))).values():
        assert "€20 a month more" in said
        assert "Moving takes: code changes: none, downtime: not known" in said
        assert "Price: Pro €20 + tax of 23% €4.60" in said


def test_every_form_of_a_digest_names_what_could_go_down(digest: Digest):
    advice = Recommendation(
        action=Action.DOWNGRADE, headline="Supabase Team → Pro, $574/mo less.", states=("look first",)
    )
    one = Could(concern="shop/db#down", stack="shop", service="db", recommendation=advice, answer="accepted")
    message = digest_message(digest.model_copy(update={"down": (one,)}), "slack")
    line = "shop/db: Supabase Team → Pro, $574/mo less. [look first] Concern: shop/db#down (accepted)"
    for said in in_all_forms(message).values():
        assert "Could go down" in said
        assert line in said
