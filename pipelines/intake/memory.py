"""Memory of one block of rows goes to the next, instead of back to the system, which would clear it again page by page.

To be called before NumPy and Polars are loaded: they read their settings once.
"""

import ctypes
import os

# mallopt(3) of the GNU C library; another library does not know them, and goes its own way
TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
LARGEST_ON_HEAP = 32 << 20  # the most that it takes
KEPT = 256 << 20  # bytes free at the end of the heap


def keep_freed() -> None:
    """Let both allocators of this process keep what is freed: the C library's (Python, NumPy) and that of Polars.

    NumPy need not prepare threads for linear algebra, of which there is none at the door.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("_RJEM_MALLOC_CONF", "background_thread:false,narenas:1,dirty_decay_ms:-1,muzzy_decay_ms:-1")
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        for option, value in ((MMAP_THRESHOLD, LARGEST_ON_HEAP), (TRIM_THRESHOLD, KEPT), (ARENA_MAX, 1)):
            set_option(option, value)
