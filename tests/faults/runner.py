"""A process that runs drivers in children of its own, to be killed: for each driver's name in its input, it writes the
child's id and then how it ended. Forked, because a new interpreter would take longer to start than the run takes."""

from __future__ import annotations

import os
import sys
import traceback
from datetime import timedelta

from clients import impatient
from drivers import DRIVERS
from made_job import JOB


def main() -> None:
    """Until the input ends."""
    impatient(setattr, timeout=timedelta(seconds=10))  # so that a busy machine makes no more requests than another
    for line in sys.stdin:
        child = os.fork()
        if not child:
            try:
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # its log
                DRIVERS[line.strip()](JOB)
            except BaseException:  # noqa: BLE001 - it must end here, or it would go on as a second parent
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print(child, flush=True)
        _, ended = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(ended), flush=True)


if __name__ == "__main__":
    main()
