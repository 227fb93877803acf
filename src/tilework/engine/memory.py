"""The C library's memory, kept between steps."""

from __future__ import annotations

import ctypes
import functools
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


@functools.cache
def keep_freed_memory() -> bool:
    """Ask glibc to keep what a step frees for the next one; True where it does.

    On the CPU torch takes every activation from malloc, and glibc maps a block of more than 32 MiB anew each time and gives
    the top of its heap back: every step then pays for the same pages again, cleared by the kernel one page fault at a time.
    Other C libraries and systems are left as they are.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, 1 << 30)) and bool(mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1))
