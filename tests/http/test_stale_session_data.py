"""``request.session`` after a password change without a signal."""

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User

from support.client import SESSION_COOKIE, body, code
from support.live_site import LiveSite, by_cookie


@by_cookie
@pytest.mark.parametrize("loading", ["eager", "lazy"])
def test_the_data_is_not_shown_after_a_password_change(site: LiveSite, ada: User, loading: str) -> None:
    """Django's engine empties the session when the user is loaded, and so does ours, in both modes."""
    site.configure(USER_LOADING=loading)
    browser = site.device()
    assert browser.post("/django/switch/ada/").status_code == 200
    assert body(browser.post("/django/cart/", "private"))["cart"] == ["private"]
    User.objects.filter(pk=ada.pk).update(password=make_password("another horse battery staple"))
    answer = browser.get("/django/name-and-cart/")
    if answer.status_code == 200:
        assert body(answer) == {"name": "", "cart": []}
    else:  # a lazy user is read in the view, where a changed password is a 401
        assert (loading, code(answer)) == ("lazy", (401, "session_ended"))
    assert SESSION_COOKIE not in browser.cookies
