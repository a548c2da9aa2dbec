"""Checks that the project's setup allows adopting logins of other packages."""

from collections.abc import Iterator
from importlib.util import find_spec

from django.apps import apps
from django.conf import settings
from django.utils.module_loading import import_string

from django_authkit.adoption import Adapter, ExternalCookie, Place
from django_authkit.adoption.registry import adapter_of
from django_authkit.checks.stack import AUTHENTICATION_MIDDLEWARE
from django_authkit.conf import AuthKitSettings, InvalidSettings
from django_authkit.problems import Problem
from django_authkit.types import Transport

NO_APP = Problem.kind(
    "authkit.E101", "Install the package and keep it in INSTALLED_APPS for as long as ADOPT names it."
)
COOKIE_CLASH = Problem.kind(
    "authkit.E103",
    'Give the new cookie another name: preferably SESSION_COOKIE_NAME = "__Host-sessionid".',
)
NOBODY_TO_ANSWER = Problem.kind(
    "authkit.E104",
    f'Put "{AUTHENTICATION_MIDDLEWARE}" in the place of Django\'s, and "cookie" into TRANSPORTS.',
)


def check_adoption(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check each adapter, and the settings that it depends on; what two of them share is said once."""
    yield from dict.fromkeys(_problems(chosen))


def _problems(chosen: AuthKitSettings) -> Iterator[Problem]:
    for entry in chosen.adopt:
        try:
            adapter = adapter_of(entry)
        except InvalidSettings as error:
            yield error.problem
            continue
        if adapter.app is not None and not apps.is_installed(adapter.app):
            yield _missing(adapter.app)
            continue
        yield from adapter.problems()
        if adapter.place is Place.BROWSER:
            yield from _browser_messages(adapter, chosen)


def _missing(app: str) -> Problem:
    package = app.partition(".")[0]
    state = "in INSTALLED_APPS" if find_spec(package) else "installed"
    return NO_APP(f'AUTHKIT["ADOPT"] names an adapter that needs {app!r}, which is not {state}.')


def _browser_messages(adapter: Adapter, chosen: AuthKitSettings) -> Iterator[Problem]:
    ours = import_string(AUTHENTICATION_MIDDLEWARE)
    classes = map(import_string, settings.MIDDLEWARE)
    answered = any(isinstance(each, type) and issubclass(each, ours) for each in classes)
    if not answered or Transport.COOKIE not in chosen.transports:
        yield NOBODY_TO_ANSWER(
            f"The adapter {adapter.name!r} takes over browsers, and nothing of ours would set their cookies."
        )
    for cookie in adapter.cookies:
        yield from _cookie_messages(cookie, chosen)


def _cookie_messages(old: ExternalCookie, chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that the old cookie and ours differ: requests carry neither path nor domain."""
    new = ExternalCookie(
        settings.SESSION_COOKIE_NAME, settings.SESSION_COOKIE_PATH, settings.SESSION_COOKIE_DOMAIN
    )
    if old.name == new.name and old != new:
        yield COOKIE_CLASH(
            f"The old session cookie {old.name!r} has a different path or domain than the new one of that "
            "name: browsers would keep and send both."
        )
    taken = (chosen.cookie.access_name, chosen.cookie.refresh_name, settings.CSRF_COOKIE_NAME)
    if old.name in taken:
        yield COOKIE_CLASH(f"The old session cookie has the same name as another cookie: {old.name!r}.")
