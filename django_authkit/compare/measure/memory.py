"""The memory that live sessions use, at several sizes; a worker process fills the store and reports."""

from dataclasses import replace
from typing import Any

from django_authkit.compare import processes, redis_server
from django_authkit.compare.scratch_data import Scratch
from django_authkit.compare.variants import Variant

SIZES = (1_000, 10_000, 100_000)


def measure(made: Scratch, form: Variant, sessions: int, seconds: float) -> list[dict[str, Any]]:
    """
    Return ``{"sessions": …, "bytes": …}`` for nothing and for each size that is reached in *seconds*.

    The sessions are deleted afterwards.
    """
    prefix = f"{made.config.prefix}-memory"
    config = replace(made.for_variant(form), prefix=prefix)
    told = {"sizes": [size for size in SIZES if size <= sessions], "seconds": seconds}
    try:
        found: list[dict[str, Any]] = processes.run("fill_store", config, told)
    finally:
        if made.redis is not None:
            redis_server.clear(made.redis, prefix)
    return found
