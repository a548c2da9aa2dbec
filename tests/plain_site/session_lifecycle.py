"""
A program: from login to revocation on a site whose user model is a plain one.

Usage: ``session_lifecycle.py MODE STORE TRANSPORT REDIS_URL``. It fails at the first thing that is not as it
should be.
"""

import sys
from io import StringIO

import django
from django.conf import settings
from django.core.management import call_command

MODE, STORE, TRANSPORT, REDIS = sys.argv[1:]

settings.configure(
    SECRET_KEY="a key of this program, long enough to sign with",
    ALLOWED_HOSTS=["testserver"],
    ROOT_URLCONF="__main__",
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "rest_framework",
        "django_authkit",
        "plain_site",
    ],
    MIDDLEWARE=[
        "django_authkit.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django_authkit.middleware.AuthenticationMiddleware",
    ],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    STATIC_URL="static/",
    AUTH_USER_MODEL="plain_site.Person",
    AUTHENTICATION_BACKENDS=["plain_site.backend.SignOn"],
    AUTHKIT_MODE=MODE,
    AUTHKIT={"STORE": STORE},
    SESSION_ENGINE="django_authkit.session_engine",
    SESSION_COOKIE_NAME="__Host-sessionid",
    SESSION_COOKIE_SECURE=True,
    CACHES={
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        "authkit": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": REDIS},
    },
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
)
django.setup()

from django.urls import include, path  # noqa: E402 - these need settings

from django_authkit import sessions_of  # noqa: E402
from django_authkit.types import Mode, Transport  # noqa: E402
from plain_site.models import Person  # noqa: E402
from support.client import PASSWORD, Device, body  # noqa: E402
from testapp import views  # noqa: E402

urlpatterns = [
    path("auth/", include("django_authkit.urls")),
    path("devices/", include("django_authkit.pages.urls")),
    path("plain/whoami/", views.whoami),
]


def told(*command: str) -> str:
    """Return what a command prints."""
    printed = StringIO()
    call_command(*command, stdout=printed)
    return printed.getvalue()


call_command("migrate", run_syncdb=True, verbosity=0)
ada = Person.objects.create(email="ada@example.org")

client = Device(Mode(MODE), Transport(TRANSPORT))
client.get("/auth/session/")
answer = client.log_in_with({"email": ada.email, "password": PASSWORD})
assert answer.status_code == 200, answer.content
assert body(client.who())["user"] == {"id": ada.pk, "email": ada.email}
assert body(client.get("/plain/whoami/")) == {"id": ada.pk}
assert client.refresh().status_code == 200
assert len(sessions_of(ada)) == 1  # type: ignore[arg-type]
if client.is_browser:
    assert client.get("/devices/").status_code == 200
    assert ada.email in client.get("/devices/reauthenticate/?revoke=others").content.decode()
assert "0" not in told("authkit_sessions", ada.email).split()
assert told("authkit_revoke", ada.email) == f"Revoked 1 auth session of {ada.email}.\n"
assert told("authkit_sessions", ada.email) == f"{ada.email} is not logged in anywhere.\n"
assert client.who().status_code == 401
