"""What to do about a concern: which kind of advice it asks for.

"Optimise before scaling" is the order: where a document says to optimise, those steps come first.
"""

from collections.abc import Mapping
from datetime import datetime

from advisor.core.advise.case import CHANGES, Evidence, case
from advisor.core.advise.change import change
from advisor.core.advise.without import in_own_hands, of_stack, unlimited, without_change
from advisor.core.catalogue import Catalogue
from advisor.core.choose import Demand
from advisor.core.concerns import Concern
from advisor.core.demand import Histories, usage
from advisor.core.fleet import Fleet, Service
from advisor.core.limits import Limits
from advisor.core.message import Recommendation
from advisor.core.model import Action
from advisor.core.playbook import Playbook


def advise(
    concern: Concern,
    *,
    fleet: Fleet,
    limits: Limits,
    catalogue: Catalogue,
    histories: Histories,
    now: datetime,
    evidence: Evidence | None = None,
    playbooks: Mapping[str, Playbook] | None = None,
) -> Recommendation:
    """Return what to do about a concern.

    `histories` holds what is known of the service's metrics (60 days are enough) and, for limits that count
    over the account, of its other services'. `evidence` is what the service's source last gave for people.
    """
    service = next((fleet.service[key] for key in concern.services if key in fleet.service), None)
    if service is None:
        return of_stack(concern, fleet, limits, now, playbooks or {})
    known = case(
        concern,
        service,
        fleet=fleet,
        limits=limits,
        catalogue=catalogue,
        histories=histories,
        now=now,
        evidence=evidence or {},
        playbooks=playbooks or {},
    )
    wanted = known.then
    if not CHANGES & set(wanted):
        return without_change(known, wanted[0] if wanted else Action.INVESTIGATE)
    if known.own is None and not known.demanded:
        return unlimited(known)
    if known.product is None or known.plan is None:
        return without_change(known, in_own_hands(known))
    return change(known)


def demand_of(
    service: Service, catalogue: Catalogue, fleet: Fleet, limits: Limits, histories: Histories, now: datetime
) -> tuple[Demand, ...]:
    """Return the demand that a recommendation on the service rests on."""
    return usage(service, catalogue.offers.get(service.provider), fleet, limits, histories, now).demands
