"""Checks that what the settings refer to exists and is usable."""

import re
from collections.abc import Iterator
from dataclasses import asdict

from django.apps import apps
from django.conf import settings
from django.utils.module_loading import import_string

from django_authkit.api.serializers import LoginBody
from django_authkit.conf import AuthKitSettings
from django_authkit.http.places import has_places, open_database
from django_authkit.login_steps import LoginStep
from django_authkit.problems import Problem

_RATE = re.compile(r"[1-9][0-9]*/[smhd][a-z]*")
"""As DRF parses it: only the first letter of the period is significant."""

NO_DATABASE = Problem.kind("authkit.E050", "Name an alias of DATABASES.")
NO_CALLABLE = Problem.kind(
    "authkit.E070", "Write the full dotted path, and make sure that it can be imported."
)
NO_LOGIN_BODY = Problem.kind(
    "authkit.E072", "Write the full dotted path of a subclass of django_authkit.api.serializers.LoginBody."
)
NO_LOGIN_STEP = Problem.kind(
    "authkit.E073",
    "Write the full dotted path of a subclass of django_authkit.login_steps.LoginStep with a name.",
)
ADMIN_SKIPS_STEPS = Problem.kind(
    "authkit.W074",
    "Send people who open the admin to your own login page, or ask for the second factor there by other "
    "means, such as django-otp's OTPAdminSite; then silence this warning.",
)
NO_PLACES = Problem.kind(
    "authkit.W108",
    "Install django-authkit[geoip], and set GEOIP_PATH to a City or Country database, or to its folder.",
)
NO_RATE = Problem.kind("authkit.E071", 'Write a count and a period: "20/min", "5/s", "100/hour", "1000/day".')


def check_database(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that the database store has a database."""
    if chosen.store == "database" and chosen.database_alias not in settings.DATABASES:
        yield NO_DATABASE(f"DATABASE_ALIAS is {chosen.database_alias!r}, which DATABASES does not have.")


def check_dotted_paths(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that the project's serializer and functions can be imported."""
    paths: dict[str, object] = {
        "USER_SERIALIZER": chosen.user_serializer,
        "EXTRA_CLAIMS": chosen.extra_claims,
        "MAX_SESSIONS": chosen.max_sessions,
        "TENANT": chosen.tenant,
        "DEVICE_BOUND": chosen.device_bound if "." in chosen.device_bound else None,
        "REAUTHENTICATOR": chosen.reauthenticator,
        'LOGIN["RESPONSE_SERIALIZER"]': chosen.login.response_serializer,
    }
    for name, path in paths.items():
        if isinstance(path, str) and not callable(_imported(path)):
            yield NO_CALLABLE(f"{name} is {path!r}, which cannot be imported or called.")


def check_login_serializer(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that the serializer of ``login/`` is one: it says what is counted and what is checked."""
    path = chosen.login.serializer
    if path is None:
        return
    kind = _imported(path)
    if not (isinstance(kind, type) and issubclass(kind, LoginBody)):
        yield NO_LOGIN_BODY(f'LOGIN["SERIALIZER"] is {path!r}, which is no subclass of LoginBody.')


def check_login_steps(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that the steps of a login exist, and that each has a name of its own."""
    kinds = [(path, _imported(path)) for path in chosen.login.steps]
    names = [getattr(kind, "name", "") for _, kind in kinds]
    for path, kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, LoginStep)):
            yield NO_LOGIN_STEP(f'LOGIN["STEPS"] has {path!r}, which is no subclass of LoginStep.')
        elif not getattr(kind, "name", "") or names.count(kind.name) > 1:
            yield NO_LOGIN_STEP(f'LOGIN["STEPS"] has {path!r}, which has no name of its own.')


def check_forms_of_django(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that no login form of Django's is open beside a login in steps."""
    if chosen.login.steps and apps.is_installed("django.contrib.admin"):
        yield ADMIN_SKIPS_STEPS('LOGIN["STEPS"] is set, and the admin lets people in by password alone.')


def check_rates(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that the throttle rates can be parsed; otherwise each login would be an error."""
    rates = {f'RATES["{name.upper()}"]': rate for name, rate in asdict(chosen.rates).items()}
    drf = getattr(settings, "REST_FRAMEWORK", {}).get("DEFAULT_THROTTLE_RATES") or {}
    for scope in ("authkit_login", "authkit_refresh"):
        rates[f'DEFAULT_THROTTLE_RATES["{scope}"]'] = drf.get(scope)
    for name, rate in rates.items():
        if rate is not None and not _RATE.fullmatch(rate):
            yield NO_RATE(f"{name} is {rate!r}, which is not a rate in DRF's notation.")


def _imported(path: str) -> object:
    try:
        return import_string(path)
    except ImportError:
        return None


def check_places(chosen: AuthKitSettings) -> Iterator[Problem]:  # noqa: ARG001 - as all checks
    """Check that the database of places can be opened, if the project has set where it is."""
    try:
        if has_places():
            open_database()
    except Exception as error:  # noqa: BLE001 - of a damaged file, the reader raises anything
        yield NO_PLACES(f"The database in GEOIP_PATH cannot be opened, so no places are shown: {error}")
