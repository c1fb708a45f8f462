"""What to do about a service that has no collector: the honest way to its figures, by the catalogue's names.

`manual` is entry by hand with a date; `http`, `prometheus`, `postgresql` and `s3-compatible` are collectors
that read any service of their kind.
"""

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["LISTED", "Alternative", "of"]


class Alternative(NamedTuple):
    """The collectors that help, best first (none: nothing can be measured), and one sentence."""

    ways: tuple[str, ...]
    says: str


_BY_HAND = Alternative(("manual",), "Copy its figures from the provider's page, with their date.")

_OF: Mapping[str, Alternative] = {
    "ably": Alternative(
        ("manual",), "Whether its statistics can be asked for with usage alone is not confirmed."
    ),
    "aws-elastic-beanstalk": Alternative(
        ("prometheus", "manual"), "Its machines are your own: node_exporter tells CPU, memory and disk."
    ),
    "bigquery-export": Alternative(("manual",), "Bytes stored and queried stand on Google Cloud's pages."),
    "cloudflare-images": Alternative(("manual",), "Images stored and delivered stand on Cloudflare's page."),
    "digitalocean-spaces": Alternative(
        ("s3-compatible", "manual"), "A bucket is listed and its sizes summed; transfer stands on the bill."
    ),
    "domain": Alternative((), "Nothing is used up: its price counts, no reading is needed."),
    "elasticsearch-on-railway": Alternative(
        ("railway", "http"),
        "As a service of Railway; the cluster's own `/_stats` has size and number of records.",
    ),
    "heroku": Alternative(
        ("postgresql", "manual"), "Its PostgreSQL by `dsn:`; dynos stand on Heroku's metrics page."
    ),
    "pusher": Alternative(("manual",), "No public API tells messages of a day or the peak of connections."),
    "vps": Alternative(("prometheus",), "node_exporter tells CPU, memory, disk and traffic of any machine."),
}

#: The products with a way of their own; all others are entered by hand.
LISTED = tuple(_OF)


def of(product: str) -> Alternative:
    """Return the way to the figures of a product without a collector of its own."""
    return _OF.get(product, _BY_HAND)
