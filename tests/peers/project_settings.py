"""The settings module named in the environment, changed to the variant that is tested."""

import os
from importlib import import_module

from peers.adapt import adapt

_module = import_module(os.environ["PEERS_SETTINGS"])
globals().update({name: value for name, value in vars(_module).items() if name.isupper()})
TEST_RUNNER = "peers.recording.Runner"
globals().setdefault("PASSWORD_HASHERS", ["django.contrib.auth.hashers.MD5PasswordHasher"])
if "db.sqlite3" in str(globals()["DATABASES"]["default"].get("NAME")):
    globals()["DATABASES"]["default"]["NAME"] = ":memory:"
adapt(globals())
