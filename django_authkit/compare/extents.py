"""How much is measured, and how long: by default, with ``--quick``, and with ``--thorough``."""

from importlib.util import find_spec
from typing import Any

from django_authkit.compare.variants import CHECKS, DJANGO, MODES, MODULES, PEERS, STORES
from django_authkit.conf import get_settings

_LOOKS = 3
"""How many times the duration at most, until the main comparison is decided or a tie."""
_ALL = {"modes": MODES, "stores": STORES, "checks": CHECKS}
_USUAL = {**_ALL, "beside": [DJANGO], "duration": 10.0, "rounds": 12, "looks": _LOOKS, "sessions": 100_000}


def completed(options: dict[str, Any]) -> dict[str, Any]:
    """Return *options* with a value for each that was not given; who gives a duration means exactly that."""
    extent = _quick() if options["quick"] else _thorough() if options["thorough"] else _USUAL
    found = {**options, **{name: value for name, value in extent.items() if options.get(name) is None}}
    exact = options["duration"] is not None or options["rounds"] is not None
    return {**found, "looks": 1} if exact else found


def _quick() -> dict[str, Any]:
    """Return both modes as the project would use them, in about a minute."""
    chosen = get_settings()
    return {
        "modes": MODES,
        "stores": [chosen.store],
        "checks": [chosen.access_check],
        "beside": [],
        "duration": 4.0,
        "rounds": 8,
        "looks": 1,
        "sessions": 1_000,
    }


def _thorough() -> dict[str, Any]:
    """Return everything that can be measured here, up to three times for half a minute each."""
    installed = [each for each in PEERS if each not in MODULES or find_spec(MODULES[each])]
    return {**_USUAL, "beside": installed, "duration": 30.0, "rounds": 24}
