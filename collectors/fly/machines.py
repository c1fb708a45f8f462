"""What the Machines API says of machines and volumes. Pure."""

from datetime import datetime

from advisor.core.model import Gap, Limit, Reading, Term
from advisor.polling.body import Body
from advisor.polling.contract import Answer

__all__ = ["SOURCE", "machines", "volumes"]

SOURCE = "provider API: Fly.io machines"
_MIB, _GIB = 2**20, 2**30


def machines(body: Body, now: datetime) -> Answer:
    """Count the machines that run; the least memory that one of them has is the quota of the fullest."""
    started = [machine for machine in body.each() if machine.text("state") == "started"]
    sizes = [
        size.number()
        for machine in started
        if (size := machine.get("config", "guest", "memory_mb")) is not None
    ]
    least = min((size for size in sizes if size), default=None)
    terms = [Term("limit", least * _MIB, SOURCE, now, "memory", Limit.QUOTA)] if least is not None else []
    return Answer([Reading("instances", float(len(started)), now)], terms)


def volumes(body: Body, now: datetime) -> Answer:
    """Give size and use of each volume; one that no machine has mounted yet does not know its use."""
    readings: list[Reading] = []
    gaps: list[Gap] = []
    usable = 0.0
    for volume in body.each():
        if volume.text("state") in {"destroyed", "destroying", "pending_destroy"}:
            continue
        part = volume.text("id")
        size = volume.number("size_gb")
        if size is not None:
            readings.append(Reading("disk_size", size * _GIB, now, part=part))
        blocks, width, free = (volume.number(key) for key in ("blocks", "block_size", "blocks_avail"))
        if not blocks or not width or free is None:
            gaps.append(
                Gap(f"use of volume {part}", "Fly.io does not tell its blocks yet; mount it", ("disk_used",))
            )
            continue
        usable += blocks * width
        # What is reserved for root is not available to the app: it counts as used.
        readings.append(Reading("disk_used", (blocks - free) * width, now, part=part))
    terms = [Term("limit", usable, SOURCE, now, "disk_used", Limit.QUOTA)] if usable else []
    return Answer(readings, terms, gaps)
