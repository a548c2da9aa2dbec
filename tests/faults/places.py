"""
Where the processes of a site run: on this host, or in network namespaces that can be cut off from each other.

What is sent to a place that is cut off vanishes, as on a line that is broken: nothing is refused, and open
connections stay open.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count


@dataclass(frozen=True)
class Place:
    """
    Where a process runs.

    Attributes:
        address: What processes elsewhere call it, over the line that can be cut.
        reached_at: What the test calls it, over a line that stays.
        prefix: What the command of a process there begins with.
        line: The end of its line, if there is one that can be cut.
    """

    address: str = "127.0.0.1"
    reached_at: str = "127.0.0.1"
    prefix: tuple[str, ...] = ()
    line: str = ""

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        """Cut its line for a while."""
        _ip("link", "set", self.line, "down")
        try:
            yield
        finally:
            _ip("link", "set", self.line, "up")


HERE = Place()
_numbers = count()


@cache
def can_be_cut() -> bool:
    """Tell whether this process may make network namespaces (as root, on Linux)."""
    try:
        with cuttable(1):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


@contextmanager
def cuttable(places: int) -> Iterator[list[Place]]:
    """Give so many places, each a network namespace with a line of its own to the bridge that joins them."""
    number = next(_numbers)
    mark = f"ak{os.getpid() % 0x1000000:x}{number:x}"
    net = f"10.{64 + os.getpid() // 256 % 64}.{os.getpid() % 256}"
    with ExitStack() as stack:
        bridge = f"{mark}b"
        _ip("link", "add", bridge, "type", "bridge")
        stack.callback(_ip, "link", "del", bridge)
        _ip("link", "set", bridge, "up")
        made = []
        for index in range(places):
            space = f"{mark}n{index}"
            _ip("netns", "add", space)
            stack.callback(_ip, "netns", "del", space)
            _ip("-n", space, "link", "set", "lo", "up")
            line, control = f"{mark}l{index}", f"{mark}c{index}"
            address = f"{net}.{16 * number % 128 + index + 1}"
            here, there = (f"{net}.{128 + 16 * number % 128 + 4 * index + end}" for end in (1, 2))
            _join(space, line, "line", f"{address}/25")
            _ip("link", "set", line, "master", bridge)
            _join(space, control, "control", f"{there}/30")
            _ip("address", "add", f"{here}/30", "dev", control)
            made.append(Place(address, there, ("ip", "netns", "exec", space), line))
        yield made


def _join(space: str, here: str, there: str, address: str) -> None:
    """Lay a line between this namespace and another one."""
    _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", space)
    _ip("-n", space, "address", "add", address, "dev", there)
    _ip("-n", space, "link", "set", there, "up")
    _ip("link", "set", here, "up")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, stderr=subprocess.PIPE)
