"""Runs a command, and writes what it took to a file: launch.py FILE COMMAND...

A program of its own because the kernel counts a process's peak of memory from before it became the command: whoever
starts it must be small.
"""

import json
import os
import sys
import time


def main(file: str, *command: str) -> None:
    begun = time.monotonic()
    process = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(process, 0)
    elapsed = time.monotonic() - begun
    with open(file, "w") as told:
        code = os.waitstatus_to_exitcode(status)
        json.dump([code, elapsed, usage.ru_utime, usage.ru_stime, usage.ru_maxrss * 1024], told)


if __name__ == "__main__":
    main(*sys.argv[1:])
