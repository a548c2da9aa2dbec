"""A program: an auth session of a user with a UUID, from login to logout."""

from secrets import token_bytes

import django
from django.conf import settings
from django.core.management import call_command

settings.configure(
    SECRET_KEY="of this program",
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "uuid_site", "django_authkit"],
    AUTH_USER_MODEL="uuid_site.Member",
    AUTHKIT_MODE="jwt",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
)
django.setup()

from django_authkit.session_keys import new_handle  # noqa: E402 - models need settings
from django_authkit.stores.database import DatabaseStore  # noqa: E402
from django_authkit.stores.outcomes import Created, Found, NewSession  # noqa: E402
from django_authkit.types import Mode, OnLimit, RevocationReason  # noqa: E402
from uuid_site.models import Member  # noqa: E402

call_command("migrate", run_syncdb=True, verbosity=0)
store = DatabaseStore()
member = Member.objects.create(username="ada")
created = store.create(
    NewSession(
        sid=new_handle(0),
        user_id=str(member.pk),
        backend="django.contrib.auth.backends.ModelBackend",
        auth_hash="",
        mode=Mode.SESSION,
        remember=False,
        amr=("pwd",),
        address="",
        label="",
        key_digest=token_bytes(32),
        jti_digest=None,
        data="",
        idle_ms=60_000,
        absolute_ms=60_000,
        access_ms=0,
        max_sessions=1,
        on_limit=OnLimit.EVICT,
    )
)
assert isinstance(created, Created)
found = store.load(created.session.sid)
assert isinstance(found, Found)
assert found.session == created.session
assert found.session.user_id == str(member.pk)
assert found.user == member
assert store.list_user(str(member.pk)) == (created.session,)
assert store.revoke_user(str(member.pk), RevocationReason.REVOKED) == (created.session,)
assert store.list_user(str(member.pk)) == ()
