"""What projects do with ``request.session`` and ``SessionStore`` of Django's engines."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, login
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import Client
from django.urls import path
from pytest_django import Settings

from django_authkit import sessions_of
from django_authkit.session_engine import SessionStore
from projects import urls
from support.client import SESSION_COOKIE
from support.live_site import LiveSite, by_cookie

BACKEND = "django.contrib.auth.backends.ModelBackend"


def sign_in(request: HttpRequest) -> HttpResponse:
    """Log in with Django's ``login``, and set the requested expiry."""
    login(request, User.objects.get(username="ada"), backend=BACKEND)
    modified = request.session.modified
    if "expiry" in request.GET:
        request.session.set_expiry(int(request.GET["expiry"]))
    return JsonResponse({"modified": modified, "age": request.session.get_expiry_age()})


def fail(request: HttpRequest) -> HttpResponse:
    """Log in, and fail."""
    sign_in(request)
    return HttpResponse(status=500)


def put_and_create(request: HttpRequest) -> HttpResponse:
    """Add something to the session, and make sure that it has a key."""
    request.session["cart"] = ["apple"]
    request.session.create()
    return HttpResponse(request.session.session_key)


def show(request: HttpRequest) -> HttpResponse:
    """Return the user and the session data."""
    return JsonResponse({"id": request.user.pk, "cart": request.session.get("cart")})


urlpatterns = [
    path("idiom/sign-in/", sign_in),
    path("idiom/fail/", fail),
    path("idiom/create/", put_and_create),
    path("idiom/show/", show),
    *urls.urlpatterns,
]


@pytest.fixture(autouse=True)
def idioms(settings: Settings, site: LiveSite) -> None:
    """Add the views."""
    settings.ROOT_URLCONF = __name__


def get(client: Client, page: str) -> Any:
    """Return the response to a page of this module."""
    return client.get(f"/idiom/{page}", secure=True)


@by_cookie
def test_create_keeps_the_data_under_a_new_key(site: LiveSite, ada: User) -> None:
    """``create()`` keeps the session data, for an anonymous user and for one who stays logged in."""
    client = Client()
    assert get(client, "create/").content.decode() == client.cookies[SESSION_COOKIE].value
    assert get(client, "show/").json() == {"id": None, "cart": ["apple"]}
    get(client, "sign-in/")
    before = client.cookies[SESSION_COOKIE].value
    get(client, "create/")
    assert client.cookies[SESSION_COOKIE].value != before
    assert get(client, "show/").json() == {"id": ada.pk, "cart": ["apple"]}


@by_cookie
def test_create_outside_of_a_view(site: LiveSite) -> None:
    """``SessionStore().create()`` stores the data, as Django documents it."""
    session = SessionStore()
    session["last_login"] = 1376587691
    session.create()
    assert SessionStore(session.session_key)["last_login"] == 1376587691


@by_cookie
@pytest.mark.parametrize("key", [None, "someunknownkey", "a" * 32])
def test_an_unknown_key_loads_nothing(site: LiveSite, key: str | None) -> None:
    """Loading an unknown key gives an empty session and creates no record."""
    session = SessionStore(key)
    assert session.load() == {}
    assert session.session_key is None


@by_cookie
def test_the_expiry_after_a_login_decides_the_cookie(site: LiveSite, ada: User) -> None:
    """``set_expiry(0)`` after a login sets a cookie without expiry, a number a persistent one."""
    for at_close in (True, False):
        site.settings.SESSION_EXPIRE_AT_BROWSER_CLOSE = at_close
        assert get(Client(), "sign-in/?expiry=0").cookies[SESSION_COOKIE]["max-age"] == ""
        answer = get(Client(), "sign-in/?expiry=600")
        assert answer.cookies[SESSION_COOKIE]["max-age"] == 600
        assert answer.json()["age"] == 600


@by_cookie
def test_the_expiry_age_is_the_idle_timeout(site: LiveSite, ada: User) -> None:
    """``get_expiry_age()`` of a user's session is the idle timeout, which ``set_expiry()`` cannot exceed."""
    site.configure(LIFETIMES={"IDLE": timedelta(minutes=20)})
    assert get(Client(), "sign-in/").json()["age"] == 1200
    assert get(Client(), "sign-in/?expiry=5000").json()["age"] == 1200


@by_cookie
def test_an_expiry_in_the_past_ends_the_session_at_once(site: LiveSite, ada: User) -> None:
    """``set_expiry()`` with a time in the past ends a login and an anonymous session when it is saved."""
    client = Client()
    get(client, "sign-in/?expiry=-10")
    assert get(client, "show/").json()["id"] is None
    assert sessions_of(ada) == ()
    session = SessionStore()
    session["foo"] = "bar"
    session.save()
    key = session.session_key
    session.set_expiry(-10)
    session.save()
    assert "foo" not in SessionStore(key)


@by_cookie
def test_a_login_in_a_view_that_fails_is_undone(site: LiveSite, ada: User) -> None:
    """A server error after a login sets no session cookie, and leaves no auth session."""
    answer = get(Client(), "fail/")
    assert SESSION_COOKIE not in answer.cookies
    assert sessions_of(ada) == ()


@by_cookie
def test_a_session_is_modified_after_a_login(site: LiveSite, ada: User) -> None:
    """``request.session.modified`` is true after ``login()``, which packages rely on."""
    assert get(Client(), "sign-in/").json()["modified"] is True


@by_cookie
def test_receivers_of_a_login_see_its_session_key(site: LiveSite, ada: User) -> None:
    """A receiver that connected before ours can record the key, and revoke that session at the next login."""
    noted: list[str] = []

    def only_one(request: HttpRequest, **kwargs: Any) -> None:
        for key in noted:
            SessionStore(key).delete()
        noted[:] = [request.session.session_key or ""]

    user_logged_in.connect(only_one)
    user_logged_in.receivers.insert(1, user_logged_in.receivers.pop())
    try:
        one, two = Client(), Client()
        get(one, "sign-in/")
        assert noted == [one.cookies[SESSION_COOKIE].value]
        get(two, "sign-in/")
    finally:
        user_logged_in.disconnect(only_one)
    assert get(one, "show/").json()["id"] is None
    assert get(two, "show/").json()["id"] == ada.pk


def test_our_receiver_of_logins_comes_first() -> None:
    """Apps listed before ours do not see the key of the anonymous session."""
    assert user_logged_in.receivers[0][0][0] == "django_authkit"


@by_cookie
def test_a_session_filled_by_hand_is_a_login(site: LiveSite, ada: User) -> None:
    """The three fields in a ``SessionStore`` log in, if the hash is right; otherwise it is anonymous."""
    for stamp, expected in ((ada.get_session_auth_hash(), ada.pk), ("wrong", None), (None, None)):
        session = SessionStore()
        session["cart"] = ["apple"]
        session[SESSION_KEY], session[BACKEND_SESSION_KEY] = ada.pk, BACKEND
        if stamp is not None:
            session[HASH_SESSION_KEY] = stamp
        session.save()
        client = Client()
        client.cookies[SESSION_COOKIE] = session.session_key
        assert get(client, "show/").json() == {"id": expected, "cart": ["apple"]}
