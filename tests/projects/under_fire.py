"""The test site as a server that the fault matrix starts: what differs comes as JSON in the environment."""

import json
import os

from projects.site import *  # noqa: F403 - all of them
from projects.site import DATABASES

ENVIRONMENT_VARIABLE = "AUTHKIT_UNDER_FIRE"

_told = json.loads(os.environ[ENVIRONMENT_VARIABLE])
DATABASES = {"default": {**DATABASES["default"], **_told.pop("DATABASE")}}
globals().update(_told)
