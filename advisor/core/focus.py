"""Our estimate of costs as rows of FOCUS, the FinOps Open Cost and Usage Specification 1.x. Pure.

Only the columns are filled that an estimate can fill honestly: list and contracted prices, quantities and
SKUs are the provider's to say.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from advisor.core.catalogue import Catalogue, Reset
from advisor.core.demand import account_of
from advisor.core.fleet import Fleet
from advisor.core.model import Observed
from advisor.core.money import paid_in
from advisor.core.periods import Calendar

__all__ = ["COLUMNS", "rows"]

COLUMNS = (
    "BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
    "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd", "ChargePeriodStart",
    "EffectiveCost", "InvoiceIssuerName", "ProviderName", "PublisherName", "ResourceId", "ServiceCategory",
    "ServiceName", "SubAccountId", "Tags", "x_Estimated",
)  # fmt: skip

#: The specification's categories for the roles that have one.
_CATEGORIES = {
    "database": "Databases",
    "backend": "Compute",
    "storage": "Storage",
    "frontend": "Web",
    "mobile": "Mobile",
    "cdn": "Networking",
    "auth": "Identity",
    "analytics": "Analytics",
    "ci": "Developer Tools",
    "errors": "Management and Governance",
    "logs": "Management and Governance",
    "uptime": "Management and Governance",
}


def rows(readings: Iterable[Observed], fleet: Fleet, catalogue: Catalogue) -> Iterator[Mapping[str, str]]:
    """Yield a row for each day of each service; what is about no service of the fleet is left out."""
    for one in readings:
        service, since = fleet.service.get(one.subject), one.reading.since
        if service is None or since is None:
            continue
        account, stack = account_of(service, fleet), fleet.stack[service.stack]
        product = catalogue.offers.get(service.provider)
        provider = next(
            (p.title for p in catalogue.providers.values() if service.provider in p.offers), service.provider
        )
        period = Calendar(Reset.BILLING, stack.timezone, account.billing_day).around(one.reading.at)
        currency = paid_in(account.currency, account.rate)
        amount = f"{one.reading.value * currency.rate:.6f}".rstrip("0").rstrip(".")
        title = product.title if product is not None else service.provider
        yield {
            "BilledCost": amount,
            "BillingAccountId": account.key,
            "BillingCurrency": currency.code,
            "BillingPeriodStart": _time(period[0]),
            "BillingPeriodEnd": _time(period[1]),
            "ChargeCategory": "Usage",
            "ChargeClass": "",
            "ChargeDescription": f"{title}, {service.key} of {stack.key}: estimated from plan and usage",
            "ChargePeriodStart": _time(since),
            "ChargePeriodEnd": _time(one.reading.at),
            "EffectiveCost": amount,
            "InvoiceIssuerName": provider,
            "ProviderName": provider,
            "PublisherName": provider,
            "ResourceId": service.subject.key,
            "ServiceCategory": _CATEGORIES.get(service.role, "Other"),
            "ServiceName": title,
            "SubAccountId": stack.key,
            "Tags": json.dumps({"environment": stack.environment, "role": service.role, **stack.labels}),
            "x_Estimated": "true",
        }


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
