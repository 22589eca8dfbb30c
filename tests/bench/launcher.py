"""Starts a contestant from a process that is small itself: ``python -I -S launcher.py <figures file> <command...>``.

The kernel's peak of a child includes what its parent held when the child was made. Imports nothing that is not needed.
"""

import os
import sys
import time

begun = time.monotonic()
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
seconds = time.monotonic() - begun
with open(sys.argv[1], "w", encoding="ascii") as figures:
    figures.write(f"{seconds} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss * 1024}")
sys.exit(os.waitstatus_to_exitcode(status) and 1)
