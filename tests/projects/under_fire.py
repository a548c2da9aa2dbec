"""The test site as a server that the fault matrix starts: what differs comes as JSON in the environment."""

import json
import os
from datetime import timedelta

from projects.site import *  # noqa: F403 - all of them
from projects.site import DATABASES

ENVIRONMENT_VARIABLE = "AUTHKIT_UNDER_FIRE"

_told = json.loads(os.environ[ENVIRONMENT_VARIABLE])
DATABASES = {"default": {**DATABASES["default"], **_told.pop("DATABASE")}}
AUTHKIT = {**_told.pop("AUTHKIT"), "LIFETIMES": {"ACCESS": timedelta(seconds=_told.pop("ACCESS_SECONDS"))}}
globals().update(_told)
