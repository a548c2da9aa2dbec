"""A project's own rules for who is allowed to log in, with users of whom only the key is known."""

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User
from django.utils.crypto import salted_hmac

from django_authkit import sessions_of
from support.live_site import LiveSite


class WithoutLeavers(ModelBackend):
    """Refuses users whose last name says that they left: a soft deletion."""

    def get_user(self, user_id: int) -> User | None:
        """Return the user, unless they left."""
        return User.objects.filter(pk=user_id).exclude(last_name="left").first()


def stamp_of(user: AbstractBaseUser, secret: str | None = None) -> str:
    """Return a session auth hash that the first name changes, too."""
    text = f"{user.password}:{user.first_name}"  # type: ignore[attr-defined]
    return salted_hmac("stamp", text, secret=secret, algorithm="sha512").hexdigest()


@pytest.fixture(autouse=True)
def lazy(site: LiveSite) -> None:
    """Load users lazily, in views that need their key only."""
    site.configure(USER_LOADING="lazy")
    site.settings.ROOT_URLCONF = "testapp.user_views"


def test_a_soft_deletion_revokes(site: LiveSite) -> None:
    """A saved field that makes the Django auth backend return nobody counts as a deactivation."""
    site.settings.AUTHENTICATION_BACKENDS = [f"{__name__}.WithoutLeavers"]
    ada = site.add_user()
    device = site.logged_in()
    ada.email = "new@example.org"
    ada.save()
    assert device.get("/drf/key/").status_code == 200
    ada.last_name = "left"
    ada.save(update_fields=["last_name"])
    assert device.get("/drf/key/").status_code == 401
    assert sessions_of(ada) == ()


def test_another_session_auth_hash_revokes(site: LiveSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """A saved field that is part of the session auth hash counts as a password change."""
    monkeypatch.setattr(User, "_get_session_auth_hash", stamp_of)
    ada = site.add_user()
    device = site.logged_in()
    ada.last_name = "Lovelace"
    ada.save()
    assert device.get("/drf/key/").status_code == 200
    ada.first_name = "Augusta"
    ada.save()
    assert device.get("/drf/key/").status_code == 401
    assert sessions_of(ada) == ()


class PermissionsOnly:
    """Decides on object permissions, as the backends of several packages do; returns no users."""

    def authenticate(self, request: object, **credentials: object) -> None:
        """Leave it to another backend."""

    def has_perm(self, user: object, perm: str, obj: object = None) -> bool:
        """Allow nothing."""
        return False


def test_a_backend_that_finds_no_users_is_no_rule_for_users(site: LiveSite) -> None:
    """With a backend without ``get_user``, a user can log in and be saved, and a password change revokes."""
    stock = "django.contrib.auth.backends.ModelBackend"
    site.settings.AUTHENTICATION_BACKENDS = [f"{__name__}.PermissionsOnly", stock]
    ada = site.add_user()
    device = site.logged_in()
    ada.last_name = "Lovelace"
    ada.save()
    assert device.get("/drf/key/").status_code == 200
    ada.set_password("another")
    ada.save()
    assert device.get("/drf/key/").status_code == 401
