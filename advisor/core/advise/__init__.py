"""What to do about a concern, by when, at what price; and what could go down again.

advise     a concern to a recommendation
case       all that is known when one concern is advised on
elsewhere  other products, where a document's ladder leads to them
change     another plan, size or product, or staying
without    advice that changes no plan
beside     what stands beside the headline: steps, evidence, other ways, marks of honesty
down       a cheaper plan that would have carried the last 60 days
indexes    suggestions for indexes, from what the database's source has seen
"""

from advisor.core.advise.advise import advise, demand_of
from advisor.core.advise.case import Evidence
from advisor.core.advise.down import down

__all__ = ["Evidence", "advise", "demand_of", "down"]
