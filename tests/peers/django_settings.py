"""
The settings with which Django's ``tests/runtests.py`` runs.

``runtests.py`` replaces apps and middleware of the settings by lists of its own, which it takes from its own
module after this one was imported: so the lists there are changed.
"""

import sys

from test_sqlite import *  # noqa: F403 - this is how Django's settings for tests are extended

from peers.adapt import APPS, adapt, variant

TEST_RUNNER = "peers.recording.Runner"
adapt(globals())
INSTALLED_APPS: list[str] = []
if variant() != "django":
    sys.modules["__main__"].ALWAYS_INSTALLED_APPS.extend(APPS)
