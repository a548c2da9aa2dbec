"""The configuration of a worker process, passed through its environment because settings load first."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from django_authkit.compare.variants import Variant

VARIABLE = "AUTHKIT_COMPARE_CONFIG"
SETTINGS = "django_authkit.compare.worker.settings"
VARIANT = "AUTHKIT_COMPARE_VARIANT"
"""Environment variable with the key of the variant that a worker serves."""

ADDRESSES = "/__authkit_compare__/"
"""Prefix of our own URLs; all others are the project's."""

TALLY = "X-Authkit-Compare"
"""Header of each response: process id, its CPU time in ns, and what ``counters`` counted."""


TICKET = "X-Authkit-Compare-Ticket"
"""Header required on each request, since one variant serves every client as the given user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """
    What differs from the project's settings.

    Attributes:
        settings: Dotted path of the project's settings module.
        variant: The variant that the process serves.
        prefix: Prefix of each of its keys on Redis.
        apps: Additional apps that any variant needs, so that all have the same tables.
        username: Who logs in, by the user model's ``USERNAME_FIELD``.
        databases: Members of ``DATABASES`` entries that differ, by alias.
        redis_alias: The cache alias of the Redis store.
        redis_urls: Where the servers of cache aliases are instead, by alias; with secrets.
        ticket: The secret of the run that requests must carry.
    """

    settings: str
    variant: Variant
    prefix: str
    apps: tuple[str, ...] = ()
    username: str = ""
    databases: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    redis_alias: str = "authkit"
    redis_urls: Mapping[str, str] = field(default_factory=dict, repr=False)
    ticket: str = field(default="", repr=False)

    def environment(self) -> dict[str, str]:
        """Return the environment variables that pass this configuration on."""
        return {
            VARIABLE: json.dumps(asdict(self)),
            VARIANT: self.variant.key,
            "DJANGO_SETTINGS_MODULE": SETTINGS,
            "PYTHONHASHSEED": "0",  # hash randomization would add noise
        }

    @classmethod
    def from_environment(cls) -> Self:
        """Return the configuration of this process."""
        told = json.loads(os.environ[VARIABLE])
        told["variant"] = Variant(**told["variant"])
        return cls(**told)
