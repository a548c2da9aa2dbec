"""
Ties a process to the command that started it.

The command keeps the other end of the standard input open for as long as it lives, so its end is noticed
here even if it was killed.
"""

import json
import os
import signal
import sys
from threading import Thread
from typing import Any


def end_with_it() -> None:
    """Kill this process and those that it starts when the command is gone: they have nothing to save."""

    def wait() -> None:
        while os.read(0, 1024):
            pass
        os.killpg(0, signal.SIGKILL)

    Thread(target=wait, daemon=True).start()


def read_input() -> Any:
    """Return what the command sends, one line of JSON; from then on this process ends with the command."""
    line = sys.stdin.readline()
    end_with_it()
    return json.loads(line)
