"""Which models' deletions are heard: those of users, whenever the class is made."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import Group, User
from django.db.models.signals import post_delete
from django.test.utils import isolate_apps
from pytest_django import Settings


@isolate_apps("testapp")
def test_a_user_model_that_is_defined_late_is_watched(settings: Settings) -> None:
    """A class is prepared before Django can find it by the setting."""
    settings.AUTH_USER_MODEL = "testapp.Late"

    class Late(AbstractBaseUser):
        class Meta:
            app_label = "testapp"

    assert post_delete.has_listeners(Late)


@isolate_apps("testapp")
def test_a_proxy_of_users_is_watched_and_other_models_are_not() -> None:
    """So that Django can delete the rows of other models without reading them."""

    class Proxy(User):
        class Meta:
            app_label = "testapp"
            proxy = True

    assert post_delete.has_listeners(Proxy)
    assert not post_delete.has_listeners(Group)
