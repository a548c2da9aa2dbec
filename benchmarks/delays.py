"""How long a revoked access token is still accepted: one process logs out, another keeps trying the token."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings

from benchmarks.measuring import Variant, configured, say
from benchmarks.operations import posted
from benchmarks.subjects import ada, factory
from django_authkit import log_in
from django_authkit.api.views import LogoutView
from django_authkit.types import Transport

POLICIES: dict[str, tuple[str, dict[str, Any]]] = {
    "jwt, store": ("jwt", {"ACCESS_CHECK": "store"}),
    "jwt, replica": ("jwt", {"ACCESS_CHECK": "replica"}),
    "session": ("session", {}),
}
_SHORT = {"ACCESS_CHECK": "none", "LIFETIMES": {"ACCESS_SECONDS": 3}, "LEEWAY_SECONDS": 0}


def delays(times: int) -> dict[str, list[float]]:
    """
    Return the delays of each policy: milliseconds from the logout's response to the first 401 elsewhere.

    A delay is negative if the token was refused before the logout returned. ``"none"`` is measured only a few
    times, with access tokens of three seconds, since the delay is their lifetime.
    """
    found = {name: _measured(name, mode, ours, times) for name, (mode, ours) in POLICIES.items()}
    found["jwt, none (tokens of 3 s)"] = _measured("jwt, none", "jwt", _SHORT, max(2, times // 40))
    return found


def _measured(name: str, mode: str, ours: dict[str, Any], times: int) -> list[float]:
    say(f"  {name}: {times} times")
    ours = {"STORE": "redis", "USER_LOADING": "lazy", **ours}
    command = [sys.executable, str(Path(__file__).with_name("witness.py"))]
    told = {
        "mode": mode,
        "authkit": ours,
        "redis": settings.CACHES["authkit"]["LOCATION"],
        "database": {key: settings.DATABASES["default"][key] for key in ("HOST", "PORT")},
    }
    leave = LogoutView.as_view()
    found = []
    with (
        subprocess.Popen(
            [*command, json.dumps(told)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as witness,
        configured(Variant(name, _nothing, with_spans(ours), mode)),
    ):
        assert witness.stdin is not None
        assert witness.stdout is not None
        assert witness.stdout.readline() == "up\n"
        time.sleep(1.1)  # a copy checks tokens from the second in which its list began in the store
        for _ in range(times):
            grant = log_in(factory.get("/"), ada(), transport=Transport.HEADER)
            witness.stdin.write(grant.access + "\n")
            witness.stdin.flush()
            assert witness.stdout.readline() == "ready\n"
            time.sleep(random.uniform(0.001, 0.02))  # at a random moment for the other process
            leave(posted({"refresh": grant.refresh or grant.access}))
            answered = time.monotonic()
            found.append((float(witness.stdout.readline()) - answered) * 1000)
        witness.stdin.close()
    return found


def with_spans(ours: dict[str, Any]) -> dict[str, Any]:
    """Return settings with durations as text, since JSON has no type for them."""
    from datetime import timedelta

    spans: dict[str, Any] = {}
    for name, value in ours.items():
        if name.endswith("_SECONDS"):
            spans[name.removesuffix("_SECONDS")] = timedelta(seconds=value)
        else:
            spans[name] = with_spans(value) if isinstance(value, dict) else value
    return spans


def _nothing() -> Any:
    raise NotImplementedError
