"""Numbers as people write them: no exponents, three digits, and the unit that fits."""

from collections.abc import Sequence

_TIMES = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
_SIZES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def number(value: float) -> str:
    """Return *value* with three digits that count; thousands are separated by commas."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    rounded = float(f"{value:.3g}")
    return f"{rounded:.12f}".rstrip("0").rstrip(".") if rounded else "0"


def duration(seconds: float) -> str:
    """Return a time in one unit: ``14 days``, ``90 seconds``, ``1.3 ms``."""
    if seconds < 1:
        return f"{number(seconds * 1000)} ms"
    for length, unit in _TIMES:
        if seconds >= length and (seconds % length == 0 or unit == "second" or seconds >= 10 * length):
            value = number(seconds / length)
            return f"{value} {unit}" if value == "1" else f"{value} {unit}s"
    raise AssertionError(seconds)


def size(count: float) -> str:
    """Return an amount of bytes: ``12 MB``, ``340 bytes``."""
    for unit, name in _SIZES:
        if abs(count) >= unit:
            return f"{number(count / unit)} {name}"
    return f"{count:,.0f} bytes"


def share_of_cores(count: float) -> str:
    """Return an amount of CPU: ``3.5% of a core``, ``1.2 cores``."""
    return f"{number(count * 100)}% of a core" if count < 1 else f"{number(count)} cores"


def listed(words: Sequence[str], last: str = "and") -> str:
    """Return *words* as one list: ``a``, ``a and b``, ``a, b and c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def capital(text: str) -> str:
    """Return *text* with a capital first letter."""
    return text[:1].upper() + text[1:]
