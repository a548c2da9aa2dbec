"""Made-up results of a comparison, for tests of what is said of them."""

import random
from typing import Any

from django_authkit.compare.measurements import Requests, Samples
from django_authkit.compare.variants import AUTHKIT, Variant

PATH = "/notes/"
SESSIONS = Variant(kind=AUTHKIT, mode="session", store="redis")
JWT = Variant(kind=AUTHKIT, mode="jwt", store="redis", check="store")
UNCHECKED = Variant(kind=AUTHKIT, mode="jwt", store="redis", check="none")
ROUNDS = 12


def result(variant: Variant, ms: float, *, cpu: float = 1.0, noise: float = 0.01, **changes: Any) -> Samples:
    """Return the samples of a variant whose requests take about *ms*; *noise* is a share of it."""
    jwt = variant.mode == "jwt"
    chance = random.Random(variant.key)
    waves = [chance.gauss(1, noise) for _ in range(ROUNDS)]
    found = Samples(
        variant,
        paths={
            PATH: Requests(
                latencies=[[int(ms * wave * 1e6)] * 10 for wave in waves],
                rates=[1000 / ms / wave for wave in waves],
                cpu=[cpu * wave * 1e6 for wave in waves],
            )
        },
        credential_bytes=450 if jwt else 60,
        memory=[{"sessions": 0, "bytes": 0}, {"sessions": 1000, "bytes": 500_000}],
        behavior=behavior(jwt=jwt, checked=variant.check != "none"),
    )
    for name, value in changes.items():
        setattr(found, name, value)
    return found


def behavior(*, jwt: bool = False, checked: bool = True) -> dict[str, Any]:
    """Return what a variant without a fault does."""
    return {
        "payload": ["sub"] if jwt else None,
        "algorithm": "HS256" if jwt else None,
        "theft": {"copy_works": not jwt, "owner_works": not jwt},
        "revocation": {
            "another_worker": True,
            "log_out": [204],
            "delays": [0.5 if checked else None],
            "let_in": [0 if checked else 99],
            "came_back": 0,
            "watched": 1.5,
        },
        "outage": {"down": [503 if checked else 200], "kept": True},
        "race": {"clients": 8, "answered": 8, "successors": 1, "logged_in": 8, "carry_on": 8},
    }
