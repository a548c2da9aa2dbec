"""
A program: users of two schemas under one primary key, with django-tenants.

Usage: ``session_lifecycle.py MODE LOADING REDIS_URL POSTGRES_HOST POSTGRES_PORT``. It fails at the first
thing that is not as it should be.
"""

import sys
from contextlib import closing
from secrets import token_hex

import django
import psycopg
from django.conf import settings

MODE, LOADING, REDIS, HOST, PORT = sys.argv[1:]
NAME = f"tenants_{token_hex(4)}"

settings.configure(
    SECRET_KEY="a key of this program, long enough to sign with",
    ALLOWED_HOSTS=[".example.org"],
    ROOT_URLCONF="__main__",
    SHARED_APPS=["django_tenants", "tenants_site", "django.contrib.contenttypes"],
    TENANT_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
    INSTALLED_APPS=[
        "django_tenants",
        "tenants_site",
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "rest_framework",
        "django_authkit",
    ],
    TENANT_MODEL="tenants_site.Shop",
    TENANT_DOMAIN_MODEL="tenants_site.Domain",
    MIDDLEWARE=[
        "django_tenants.middleware.main.TenantMainMiddleware",
        "django_authkit.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django_authkit.middleware.AuthenticationMiddleware",
    ],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    AUTHKIT_MODE=MODE,
    AUTHKIT={
        "STORE": "redis",
        "TENANT": "tenants_site.models.of_connection",
        "USER_LOADING": LOADING,
        "ACCEPT": ["session", "jwt"],
    },
    SESSION_ENGINE="django_authkit.session_engine",
    SESSION_COOKIE_NAME="__Host-sessionid",
    SESSION_COOKIE_SECURE=True,
    CACHES={
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        "authkit": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": REDIS},
    },
    DATABASE_ROUTERS=["django_tenants.routers.TenantSyncRouter"],
    DATABASES={
        "default": {
            "ENGINE": "django_tenants.postgresql_backend",
            "NAME": NAME,
            "USER": "postgres",
            "HOST": HOST,
            "PORT": PORT,
        }
    },
    MIGRATION_MODULES={"auth": None, "contenttypes": None},  # their tables at once
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402 - these need settings
from django.core.exceptions import ImproperlyConfigured  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, connections, transaction  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.test import override_settings  # noqa: E402
from django.urls import include, path  # noqa: E402
from django_tenants.utils import schema_context  # noqa: E402

from django_authkit import sessions_of, update_session_auth_hash  # noqa: E402
from django_authkit.types import Mode, Transport  # noqa: E402
from support.client import PASSWORD, Device, body  # noqa: E402
from tenants_site.models import Domain, Shop  # noqa: E402

PK = 7


class Guest(Device):
    """A client of one tenant's host."""

    host = ""

    def csrf(self) -> dict[str, str]:
        """Return the proof of our front end on this host."""
        return {**super().csrf(), "Referer": f"https://{self.host}/"}

    def _agent(self) -> dict[str, str]:
        return {**super()._agent(), "Host": self.host}


def whoami(request: HttpRequest) -> HttpResponse:
    """Return the name of the user; nothing for nobody."""
    return HttpResponse(request.user.get_username())


def of_another(request: HttpRequest) -> HttpResponse:
    """Change the password of the other tenant's user with the primary key of the request's."""
    assert request.user.is_authenticated
    with schema_context("beta"):
        user = User.objects.get(pk=PK)
        user.set_password("another horse battery staple")
        user.save()
    return HttpResponse()


def own_committed_late(request: HttpRequest) -> HttpResponse:
    """Change one's own password in a transaction that ends within the schema of another tenant."""
    user = User.objects.get(pk=PK)
    with transaction.atomic():
        user.set_password(PASSWORD)
        user.save()
        update_session_auth_hash(request, user)
        connection.set_schema("beta")  # type: ignore[attr-defined]
    connection.set_schema("alpha")  # type: ignore[attr-defined]
    return HttpResponse()


def read_late(request: HttpRequest) -> HttpResponse:
    """Tell the name of the user, whose row is needed first within the schema of another tenant."""
    known = request.user.is_authenticated if "known" in request.GET else False
    with schema_context("beta"):
        assert known or request.user.is_anonymous
        try:
            return HttpResponse(request.user.get_username())
        except ImproperlyConfigured as error:
            return HttpResponse(str(error))


urlpatterns = [
    path("auth/", include("django_authkit.urls")),
    path("plain/whoami/", whoami),
    path("of-another/", of_another),
    path("own-committed-late/", own_committed_late),
    path("read-late/", read_late),
]


def make_tenants() -> None:
    """Make two schemas, whose users have the same primary key."""
    call_command("migrate_schemas", shared=True, run_syncdb=True, verbosity=0)
    for schema, username in (("alpha", "ada"), ("beta", "eve")):
        shop = Shop.objects.create(schema_name=schema)
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA {schema}")
        Domain.objects.create(domain=f"{schema}.example.org", tenant=shop)
        call_command("migrate_schemas", schema_name=schema, run_syncdb=True, verbosity=0)
        with schema_context(schema):
            User.objects.create_user(username, password=PASSWORD, pk=PK)


def logged_in(schema: str, username: str) -> Guest:
    """Return a browser that has logged in at a tenant."""
    guest = Guest(Mode(MODE), Transport.COOKIE)
    guest.host = f"{schema}.example.org"
    answer = guest.log_in(username)
    assert answer.status_code == 200, answer.content
    return guest


def name_of(guest: Guest) -> object:
    """Return who plain Django views and the endpoints say that it is; ``None`` for nobody."""
    told = guest.who()
    name = body(told)["user"]["username"] if told.status_code == 200 else None
    assert guest.get("/plain/whoami/").content.decode() == (name or "")
    return name


def tell() -> None:
    """Go through what could mix two tenants up."""
    make_tenants()
    ada, eve = logged_in("alpha", "ada"), logged_in("beta", "eve")
    assert (name_of(ada), name_of(eve)) == ("ada", "eve")
    moved = ada.copy()
    moved.host = eve.host
    assert name_of(moved) is None
    assert name_of(ada) == "ada"

    assert ada.get("/read-late/").content == b""
    told = ada.get("/read-late/?known").content.decode()
    assert told == "ada" if LOADING == "eager" else "'alpha'" in told and "'beta'" in told, told
    assert (name_of(ada), name_of(eve)) == ("ada", "eve")

    assert ada.get("/of-another/").status_code == 200
    assert (name_of(ada), name_of(eve)) == ("ada", None)

    elsewhere = logged_in("alpha", "ada")
    assert ada.get("/own-committed-late/").status_code == 200
    assert (name_of(ada), name_of(elsewhere)) == ("ada", None)
    with schema_context("alpha"):
        assert len(sessions_of(User.objects.get())) == 1

    other = "session" if MODE == "jwt" else "jwt"
    with override_settings(AUTHKIT_MODE=other):
        ada.mode = Mode(other)
        assert name_of(ada) == "ada"
        assert name_of(moved) is None


server = psycopg.connect(host=HOST, port=PORT, user="postgres", dbname="postgres", autocommit=True)
with closing(server):
    server.execute(f"CREATE DATABASE {NAME}")
    try:
        tell()
    finally:
        connections.close_all()
        server.execute(f"DROP DATABASE {NAME} WITH (FORCE)")
