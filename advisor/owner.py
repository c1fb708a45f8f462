"""The name of this process among all that share a store, and whether another one of this machine is gone.

A lease outlives a process that was killed. Whoever starts next on the same machine can see that the holder
is no more, and need not wait for the lease to run out; of a holder elsewhere only the lease's end tells.
"""

import os
import socket
from pathlib import Path

__all__ = ["gone", "me"]

_SIGN = " "


def me() -> str:
    """Return a name that no other process has: machine, namespace of process ids, id, and when it began."""
    pid = os.getpid()
    return _SIGN.join((socket.gethostname(), _namespace(), str(pid), _began(pid)))


def gone(owner: str) -> bool:
    """Say whether `owner` (made by `me`) surely runs no more; False where that cannot be seen from here."""
    parts = owner.split(_SIGN)
    if len(parts) != 4 or parts[:2] != [socket.gethostname(), _namespace()] or not parts[2].isdecimal():
        return False
    began = _began(int(parts[2]))
    # Ids are given out again: one that began at another time is somebody else.
    return began != parts[3] if _began(os.getpid()) else not _runs(int(parts[2]))


def _namespace() -> str:
    """Return the namespace in which process ids count: every container has its own process 1."""
    try:
        return Path("/proc/self/ns/pid").readlink().name
    except OSError:  # Not Linux.
        return "-"


def _began(pid: int) -> str:
    """Return when a process began, in ticks of the machine; empty where it ended or cannot be seen."""
    try:
        # The name in parentheses may hold spaces; after it comes the state, and the start as the 22nd field.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in {"Z", "X"} else fields[19]


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # It is another user's.
        return True
    return True
