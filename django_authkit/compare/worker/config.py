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
"""What our own addresses begin with; every other one is the project's."""

TALLY = "X-Authkit-Compare"
"""Header of each answer: process id, its CPU time in ns, and what ``counters`` counted."""


TICKET = "X-Authkit-Compare-Ticket"
"""Header of each request; workers answer nobody else, for one of them serves everybody as the given user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """
    What differs from the project's settings.

    Attributes:
        settings: Dotted path of the project's settings module.
        variant: What the process serves.
        prefix: What each of its keys on Redis begins with.
        apps: Further apps that any variant needs; all have the same tables.
        username: Who logs in, by the user model's ``USERNAME_FIELD``.
        databases: Members of ``DATABASES`` entries that differ, by alias.
        redis_alias: The cache alias of the Redis store.
        redis_urls: Where the servers of cache aliases are instead, by alias.
        ticket: What requests have to show; a secret of the run.
    """

    settings: str
    variant: Variant
    prefix: str
    apps: tuple[str, ...] = ()
    username: str = ""
    databases: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    redis_alias: str = "authkit"
    redis_urls: Mapping[str, str] = field(default_factory=dict)
    ticket: str = field(default="", repr=False)

    def environment(self) -> dict[str, str]:
        """Return the environment variables that pass this configuration on."""
        return {
            VARIABLE: json.dumps(asdict(self)),
            VARIANT: self.variant.key,
            "DJANGO_SETTINGS_MODULE": SETTINGS,
            "PYTHONHASHSEED": "0",  # chance in the layout of dicts is no property of a variant
        }

    @classmethod
    def from_environment(cls) -> Self:
        """Return the configuration of this process."""
        told = json.loads(os.environ[VARIABLE])
        told["variant"] = Variant(**told["variant"])
        return cls(**told)
