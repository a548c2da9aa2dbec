"""What a command shows in a terminal while it works, if ``rich`` is installed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import IO, cast

from django.core.management.base import OutputWrapper


@contextmanager
def counting(out: OutputWrapper | None, what: str) -> Iterator[Callable[[int], None]]:
    """Give a function to call with each number, which then stands after *what*; it is gone at the end."""
    if out is None or not out.isatty() or find_spec("rich") is None:
        yield lambda _number: None
        return
    from rich.console import Console

    file = cast("IO[str]", out._out)  # noqa: SLF001 - its own write() ends each line
    with Console(file=file).status(what) as status:
        yield lambda number: status.update(f"{what}: {number:,}")
