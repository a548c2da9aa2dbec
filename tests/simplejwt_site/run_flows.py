"""
A program: runs every flow on both sides and prints the responses as JSON.

Usage: ``run_flows.py STORE ROTATES REDIS_URL``, with ``ROTATES`` 1 or 0.
"""

import json
import sys

import django
from django.conf import settings
from django.core.management import call_command

from simplejwt_site.settings import settings as of_this_site

STORE, ROTATES, REDIS = sys.argv[1:]
settings.configure(**of_this_site(store=STORE, rotates=ROTATES == "1", redis=REDIS))
django.setup()

from simplejwt_site.flows import DIFFERENCES, FLOWS, ROTATING_FLOWS  # noqa: E402 - these need settings
from simplejwt_site.recording_client import Side  # noqa: E402

call_command("migrate", verbosity=0)
flows = {**FLOWS, **DIFFERENCES, **(ROTATING_FLOWS if ROTATES == "1" else {})}
answers: dict[str, dict[str, object]] = {}
for name, flow in flows.items():
    for side_name in ("theirs", "ours"):
        with Side.opened(side_name) as side:
            flow(side)
        answers.setdefault(name, {})[side_name] = side.answers
json.dump(answers, sys.stdout)
