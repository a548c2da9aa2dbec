"""
System checks: dangerous settings, each with an id and a hint for fixing it.

The numbers group the checks by topic; ``docs/reference/checks.md`` has a row for each.

* E001-E024: a setting that cannot be used (found by ``conf``; nothing else is checked then)
* 030-036: installed apps, session engine and middleware
* 040-049: the Redis store's cache alias and server
* 050-055: the database store, and what its or Redis' server says
* 056, 058: tenants
* 059: what the user of the Redis server may run
* 060-064, 068, 069: cookies
* 065-067: throttles
* 070-074: dotted paths, rates and login steps
* 080-089: signing keys
* 090-096: cookies again
* 097: the secret key
* 100-106: logins of other packages
* 108: the database of places
* 109: endpoints
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's name for it

from django_authkit.checks import (
    adoption,
    cookies,
    database,
    endpoints,
    keys,
    references,
    rotation,
    stack,
    store,
    tenants,
    throttling,
)
from django_authkit.conf import AuthKitSettings, InvalidSettings, find_problems, get_settings
from django_authkit.problems import Problem

TAG: Final = "authkit"
"""The tag of all our checks; those of our commands that run checks run these only."""

Check: TypeAlias = Callable[[AuthKitSettings], Iterator[Problem]]
"""Takes valid settings and yields what is dangerous."""

_CHECKS: tuple[Check, ...] = (
    stack.check_apps,
    stack.check_engine,
    stack.check_middleware,
    stack.check_csrf,
    references.check_database,
    database.check_isolation,
    references.check_dotted_paths,
    references.check_login_serializer,
    references.check_login_steps,
    references.check_rates,
    references.check_places,
    endpoints.check_transports_of_compat,
    keys.check_keys,
    cookies.check_session_cookie,
    cookies.check_session_age,
    cookies.check_names,
    cookies.check_refresh_path,
    cookies.check_plain_http,
    adoption.check_adoption,
    tenants.check_tenants,
)
_DEPLOYMENT_CHECKS: tuple[Check, ...] = (
    cookies.check_deployed_cookies,
    throttling.check_proxies,
    throttling.check_throttles,
    keys.check_secret_key,
    store.check_store,
    tenants.check_databases,
    database.check_time_outs,
    database.check_pool,
    rotation.check_refresh_tokens_rotate,
    references.check_forms_of_django,
)


def register_all() -> None:
    """Register every check; those in ``_DEPLOYMENT_CHECKS`` run with ``check --deploy`` only."""
    register(check_settings, TAG, Tags.security)
    register(check_deployment, TAG, Tags.security, deploy=True)


def check_settings(**_: Any) -> list[CheckMessage]:
    """Return the errors in the settings; if there are none, the dangerous settings."""
    unusable = _unusable()
    if unusable:
        return unusable
    chosen = get_settings()
    found = [problem for check in _CHECKS for problem in check(chosen)]
    return list(map(_message, [*found, *_redis_problems(chosen)]))


def check_deployment(**_: Any) -> list[CheckMessage]:
    """Return what is dangerous in deployment; requires valid settings."""
    if _unusable():  # reported by check_settings
        return []
    chosen = get_settings()
    found = [problem for check in _DEPLOYMENT_CHECKS for problem in check(chosen)]
    return list(map(_message, [*found, *_redis_deployment_problems(chosen)]))


def _unusable() -> list[CheckMessage]:
    try:
        problems = list(find_problems())
    except InvalidSettings as error:  # AUTHKIT is not a dict, so there is nothing to check
        problems = [error.problem]
    return list(map(_message, problems))


def _message(problem: Problem) -> CheckMessage:
    """Return *problem* as Django shows it: an error or a warning, depending on the id."""
    level = Error if problem.id.startswith("authkit.E") else Warning
    return level(problem.message, hint=problem.hint, id=problem.id)


def _redis_problems(chosen: AuthKitSettings) -> Iterator[Problem]:
    if chosen.store == "redis":
        from django_authkit.checks import redis_alias  # imported only if used

        yield from redis_alias.check_alias(chosen)


def _redis_deployment_problems(chosen: AuthKitSettings) -> Iterator[Problem]:
    if chosen.store == "redis":
        from django_authkit.checks import redis_alias

        yield from redis_alias.check_permissions(chosen)
        yield from redis_alias.check_eviction(chosen)
        yield from redis_alias.check_recorded_buckets(chosen)
