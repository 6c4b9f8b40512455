"""How much memory a server holds on to."""

import ctypes
import sys

M_ARENA_MAX = -8  # of glibc's mallopt


def share_heaps(count: int = 2) -> bool:
    """Lets all threads share `count` heaps; False where there is no glibc.

    glibc gives each thread one of its own and keeps what it once needed, so that a server grows with every visitor. To
    be called before there are threads.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(M_ARENA_MAX, count))
