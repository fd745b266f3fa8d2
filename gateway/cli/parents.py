"""A child process that ends with its parent, however that one ends: nobody can forward `kill -9`."""

import ctypes
import os
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>
_LOOK_EVERY_S = 1.0


def end_with(parent_id: int) -> None:
    """Have this process stop, as by SIGTERM, once the parent that started it is gone.

    Linux tells it at once, for the thread that started it; elsewhere it looks each second.
    """
    if not ask_kernel():
        threading.Thread(target=watch, args=(parent_id,), daemon=True, name="parent").start()
    if os.getppid() != parent_id:  # it died before the kernel was asked
        sys.exit(0)


def ask_kernel() -> bool:
    """Ask for SIGTERM at the parent's end; say whether that will come."""
    if sys.platform != "linux":
        return False
    refused: int = ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGTERM))
    return not refused


def watch(parent_id: int) -> None:
    """Wait until the parent is another one, then stop this process."""
    while os.getppid() == parent_id:
        time.sleep(_LOOK_EVERY_S)
    os.kill(os.getpid(), signal.SIGTERM)
