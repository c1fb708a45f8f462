"""A digest in every form that `advisor digest --format` knows."""

import json

from advisor.core.message import Digest
from advisor.core.notices import digest_message
from advisor.notify.text import digest_text

FORMATS = ("text", "html", "slack", "json")


def render(digest: Digest, form: str = "text") -> str:
    """Return the digest as "text", "html", "slack" (a Block Kit payload) or "json".

    JSON is `{"version": 1, "digest": {...}}` with the fields of the digest. Another form raises ValueError.
    """
    match form:
        case "text":
            return digest_text(digest)
        case "html":
            from advisor.notify.html import digest_html  # Jinja2 only where it is used.

            return digest_html(digest)
        case "slack":
            from advisor.notify.blocks import payload

            message = digest_message(digest, "slack")
            return json.dumps(payload(message), ensure_ascii=False, indent=2)
        case "json":
            return json.dumps({"version": 1, "digest": digest.model_dump(mode="json")}, indent=2)
        case _:
            raise ValueError(f"a digest has the forms {', '.join(FORMATS)}; there is no `{form}`")
