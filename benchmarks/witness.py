"""
The other process of ``delays``: tries each given token until it is refused, and prints when.

Its argument is the settings as JSON; each line of its standard input is a credential. It prints "up" when it
has started. For each credential it prints "ready" when that is accepted (with a copy of the blacklist:
without a round trip), then the time of the first 401 on the machine's monotonic clock.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))  # its servers and its site
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.peers_site"

import django
from django.conf import settings


def main() -> None:
    """Set the addresses of the servers, and process the input."""
    told = json.loads(sys.argv[1])
    settings.DATABASES = {"default": {**settings.DATABASES["postgres"], **told["database"]}}
    settings.CACHES["authkit"]["LOCATION"] = told["redis"]
    django.setup()
    from benchmarks.delays import with_spans

    settings.AUTHKIT_MODE = told["mode"]
    settings.AUTHKIT = {"RATES": {"LOGIN": None, "REFRESH": None}, **with_spans(told["authkit"])}
    witness(told["authkit"].get("ACCESS_CHECK") == "replica")


def witness(by_replica: bool) -> None:
    """Process the input line by line."""
    from benchmarks.measuring import counted
    from benchmarks.subjects import factory, view_with
    from django_authkit.authentication import AuthKitAuthentication
    from django_authkit.wiring import get_replica

    if by_replica:
        assert get_replica().wait_until_fresh(20)
    view = view_with(AuthKitAuthentication)
    say("up")
    for line in sys.stdin:
        header = {"Authorization": f"Bearer {line.strip()}"}

        def ask(header: dict[str, str] = header) -> Any:
            return view(factory.get("/", headers=header)).status_code

        assert ask() == 200
        while by_replica and counted(ask)[0]:
            time.sleep(0.01)
        say("ready")
        while ask() == 200:
            pass
        say(repr(time.monotonic()))


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
