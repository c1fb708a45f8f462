"""What the name of an instance class says of its memory. Pure.

No API of RDS tells it. AWS documents 4 GiB a vCPU for the general classes (m) and 8 GiB for those of
memory (r) from the fifth generation on, and a table for the burstable ones. Of others nothing is said.
"""

import re

__all__ = ["memory", "serverless"]

_GIB = 2**30
_BURSTABLE = {"micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16, "2xlarge": 32}
_FAMILY = re.compile(
    r"db\.(?:(?P<burstable>t3|t4g)|(?P<kind>[mr])(?P<generation>\d+)[a-z]*)\.(?P<size>[a-z0-9]+)"
)
_PER_CPU = {"m": 4, "r": 8}


def memory(instance_class: str) -> int | None:
    """Return the bytes of memory of a class such as `db.t4g.micro`; None where that is not known."""
    match = _FAMILY.fullmatch(instance_class)
    if match is None:
        return None
    size = match["size"]
    if match["burstable"]:
        return _BURSTABLE[size] * _GIB if size in _BURSTABLE else None
    if int(match["generation"]) < 5:
        return None
    if size == "large":
        cpus = 2
    elif (times := re.fullmatch(r"(\d*)xlarge", size)) is not None:
        cpus = 4 * int(times[1] or 1)
    else:
        return None
    return _PER_CPU[match["kind"]] * cpus * _GIB


def serverless(instance_class: str) -> bool:
    """Return whether it is an instance of Aurora Serverless v2."""
    return instance_class == "db.serverless"
