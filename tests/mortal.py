"""A process that lives as often as it is told, and dies as it is told: for the tests of kill -9.

Forking spares the imports of every life.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable


def every_life(live: Callable[[str], None]) -> None:
    """Fork a child for each line of standard input, and answer with the signal that it died of.

    `live` gets the line, whose last word is the way to die; `after:0.1`: killed from outside, seconds later.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    for line in sys.stdin:
        death = line.split()[-1]
        child = os.fork()
        if child == 0:
            status = 1
            try:
                live(line.strip())
                status = 0
            except BaseException:  # noqa: BLE001 - the fork must not go on as the parent.
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(status)
        if death.startswith("after:"):
            signal.sigtimedwait([signal.SIGCHLD], float(death.removeprefix("after:")))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        signal.sigtimedwait([signal.SIGCHLD], 0)  # Forget this one's death.
        print(os.waitstatus_to_exitcode(status), flush=True)
