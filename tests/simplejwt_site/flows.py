"""
What clients of simplejwt do: each function is one flow, for either side.

``FLOWS`` are those of which both sides' answers are the same to the byte, tokens aside; ``DIFFERENCES``
are those in which they differ on purpose, and the page ``from-simplejwt`` says so.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import jwt

from simplejwt_site.recording_client import PASSWORD, Side

Flow = Callable[[Side], None]
CREDENTIALS = {"username": "ada", "password": PASSWORD}
FORM = "application/x-www-form-urlencoded"


def obtain(side: Side) -> None:
    """Log in, by JSON and by a form."""
    side.log_in()
    side.look()
    side.log_in(content_type=FORM)
    side.look()
    boundary = "multipart/form-data; boundary=x"
    parts = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in CREDENTIALS.items()
    )
    side.post("token/", f"{parts}--x--\r\n".encode(), boundary)


def obtain_claims(side: Side) -> None:
    """The tokens have the claims that clients read: user, type and expiry."""
    side.log_in()
    claims = jwt.decode(side.access, options={"verify_signature": False})
    side.note([claims["user_id"] == str(side.user.pk), claims["token_type"], claims["exp"] - claims["iat"]])
    claims = jwt.decode(side.refresh, options={"verify_signature": False})
    side.note(sorted({"exp", "iat", "jti"} & claims.keys()))


def obtain_trims(side: Side) -> None:
    """White space around username and password is ignored."""
    side.post("token/", {"username": " ada ", "password": f" {PASSWORD} "})


def obtain_records_the_log_in(side: Side) -> None:
    """``last_login`` is written."""
    side.log_in()
    side.user.refresh_from_db()
    side.note(side.user.last_login is not None)


def obtain_refused(side: Side) -> None:
    """A wrong password, an unknown name and an inactive user get the same response."""
    side.post("token/", {"username": "ada", "password": "wrong"})
    side.post("token/", {"username": "nobody", "password": PASSWORD})
    side.post("token/", {"username": "x" * 500, "password": PASSWORD})
    side.user.is_active = False
    side.user.save()
    side.post("token/", CREDENTIALS)


def obtain_bad_bodies(side: Side) -> None:
    """Each body that is not a login gets its error message."""
    bodies: list[Any] = [
        {},
        {"username": "ada"},
        {"password": PASSWORD},
        {"username": "", "password": ""},
        {"username": " ", "password": " "},
        {"username": None, "password": None},
        {"username": ["ada"], "password": {}},
        {"username": True, "password": 1.5},
        {"username": 12, "password": 34},
        {"username": "a\0da", "password": PASSWORD},
        {"username": "a\ud800da", "password": PASSWORD},
        [],
        [CREDENTIALS],
        "ada",
        7,
        None,
    ]
    for body in bodies:
        side.post("token/", body)
    for content in (b"", b"{", b"\xff", b'{"username": NaN}', b"[" * 10):
        side.post("token/", content)
    side.post("token/", {}, FORM)
    side.post("token/", urlencode(CREDENTIALS).encode(), "text/plain")


def methods(side: Side) -> None:
    """The endpoints accept POST only, and say so."""
    for path in ("token/", "token/refresh/", "token/verify/", "token/blacklist/"):
        for method in ("GET", "PUT", "DELETE"):
            side.send(method, path)


def refresh(side: Side) -> None:
    """A client that keeps its tokens can refresh as long as it likes."""
    side.log_in()
    first = side.refresh
    for _ in range(3):
        side.wait(minutes=6)
        side.look()
        side.carry_on()
        side.look()
    side.note(side.refresh == first)


def refresh_by_form(side: Side) -> None:
    """A form works, too."""
    side.log_in()
    side.post("token/refresh/", {"refresh": side.refresh}, FORM)


def refresh_bad_bodies(side: Side) -> None:
    """Each body without a refresh token gets its error message, at each endpoint that needs one."""
    for path, name in (("refresh/", "refresh"), ("verify/", "token"), ("blacklist/", "refresh")):
        bodies: list[Any] = [{}, {name: ""}, {name: None}, {name: ["x"]}, {name: True}, [], "x"]
        for body in bodies:
            side.post(f"token/{path}", body)
        side.post(f"token/{path}", b"{")


def refresh_refused(side: Side) -> None:
    """Junk, a number, a tampered token and an access token are refused."""
    side.log_in()
    broken = side.refresh[:-6] + "AAAAAA"
    for token in ("junk", "a.b.c", "ü", 12, broken, side.access):
        for path, name in (("refresh/", "refresh"), ("blacklist/", "refresh")):
            side.post(f"token/{path}", {name: token})
    side.carry_on()


def refresh_expired(side: Side) -> None:
    """A refresh token that was not used for its lifetime has expired."""
    side.log_in()
    side.wait(days=1, seconds=2)
    side.post("token/refresh/", {"refresh": side.refresh})
    side.post("token/blacklist/", {"refresh": side.refresh})


def refresh_of_an_inactive_user(side: Side) -> None:
    """An inactive user gets the error that there is no account."""
    side.log_in()
    side.user.is_active = False
    side.user.save()
    side.post("token/refresh/", {"refresh": side.refresh})


def refresh_superseded(side: Side) -> None:
    """If tokens rotate, each predecessor is blacklisted."""
    side.log_in()
    first = side.refresh
    side.carry_on()
    side.wait(seconds=11)
    side.post("token/refresh/", {"refresh": first})


def verify(side: Side) -> None:
    """A token of either kind is valid until it is revoked or expires."""
    side.log_in()
    side.post("token/verify/", {"token": side.access})
    side.post("token/verify/", {"token": side.refresh})
    side.post("token/verify/", {"token": side.access}, FORM)
    for token in ("junk", "a.b.c", side.access[:-6] + "AAAAAA", side.refresh[:-6] + "AAAAAA"):
        side.post("token/verify/", {"token": token})
    side.wait(minutes=6)
    side.post("token/verify/", {"token": side.access})
    side.post("token/verify/", {"token": side.refresh})


def verify_changes_nothing(side: Side) -> None:
    """A verified refresh token stays valid."""
    side.log_in()
    side.post("token/verify/", {"token": side.refresh})
    side.carry_on()


def verify_blacklisted(side: Side) -> None:
    """If tokens rotate, verifying a refresh token that was logged out is a 400."""
    side.log_in()
    side.post("token/blacklist/", {"refresh": side.refresh})
    side.post("token/verify/", {"token": side.refresh})


def blacklist(side: Side) -> None:
    """A logout returns nothing, the second one an error, and no refresh works after it."""
    side.log_in()
    side.post("token/blacklist/", {"refresh": side.refresh})
    side.post("token/blacklist/", {"refresh": side.refresh})
    side.post("token/refresh/", {"refresh": side.refresh})
    side.log_in()
    side.post("token/blacklist/", {"refresh": side.refresh}, FORM)


def blacklist_ends_no_other(side: Side) -> None:
    """Another login of the same user stays valid."""
    side.log_in()
    other = side.refresh
    side.log_in()
    headers = {"Authorization": f"Bearer {side.access}"}
    side.send("POST", "token/blacklist/", f"refresh={other}".encode(), content_type=FORM, headers=headers)
    side.look()
    side.carry_on()


def protected(side: Side) -> None:
    """A view that requires a login accepts an access token by each scheme, and no other token."""
    side.log_in()
    side.look()
    side.look(f"JWT {side.access}")
    for header in ("", " ", f"Token {side.access}", side.access, "Basic YWRhOnB3"):
        side.look(header)


def protected_refused(side: Side) -> None:
    """Each invalid header and token gets its error."""
    side.log_in()
    for header in (
        "Bearer",
        "Bearer a b",
        f"JWT {side.access} x",
        "Bearer junk",
        "Bearer a.b.c",
        f"Bearer {side.access[:-6]}AAAAAA",
        f"Bearer {side.refresh}",
    ):
        side.look(header)
    side.wait(minutes=5, seconds=1)
    side.look()
    side.wait(days=1)
    side.look(f"Bearer {side.refresh}")


def protected_by_an_inactive_user(side: Side) -> None:
    """An inactive user gets the error."""
    side.log_in()
    side.user.is_active = False
    side.user.save()
    side.look()


def protected_by_a_deleted_user(side: Side) -> None:
    """A deleted user gets the error."""
    side.log_in()
    side.user.delete()
    side.look()


def protected_after_a_password_change(side: Side) -> None:
    """A token from before a password change gets the error."""
    side.log_in()
    side.user.set_password("another")
    side.user.save()
    side.look()


def stale_headers_do_not_hinder(side: Side) -> None:
    """The endpoints ignore the header."""
    side.log_in()
    stale = {"Authorization": "Bearer junk"}
    form = urlencode(CREDENTIALS).encode()
    side.send("POST", "token/", form, content_type=FORM, headers=stale)
    form = urlencode({"refresh": side.refresh}).encode()
    side.send("POST", "token/refresh/", form, content_type=FORM, headers=stale)


FLOWS: dict[str, Flow] = {
    flow.__name__: flow
    for flow in (
        obtain,
        obtain_claims,
        obtain_trims,
        obtain_records_the_log_in,
        obtain_refused,
        obtain_bad_bodies,
        methods,
        refresh,
        refresh_by_form,
        refresh_bad_bodies,
        refresh_refused,
        refresh_expired,
        refresh_of_an_inactive_user,
        verify,
        verify_changes_nothing,
        blacklist,
        blacklist_ends_no_other,
        protected,
        protected_refused,
        protected_by_an_inactive_user,
        protected_by_a_deleted_user,
        protected_after_a_password_change,
        stale_headers_do_not_hinder,
    )
}
ROTATING_FLOWS: dict[str, Flow] = {flow.__name__: flow for flow in (refresh_superseded, verify_blacklisted)}
"""Flows that simplejwt handles the same only if refresh tokens rotate and are blacklisted."""


def a_log_out_ends_access_tokens(side: Side) -> None:
    """After the logout, the access token is presented."""
    side.log_in()
    side.post("token/blacklist/", {"refresh": side.refresh})
    side.look()
    side.post("token/verify/", {"token": side.access})


def a_superseded_token_ends_all(side: Side) -> None:
    """After a rotated refresh token was used twice, its successor is presented."""
    side.log_in()
    first = side.refresh
    side.carry_on()
    side.wait(seconds=11)
    side.post("token/refresh/", {"refresh": first})
    side.carry_on_if_possible()


def a_lost_answer_is_made_up_for(side: Side) -> None:
    """The same refresh token is used twice within seconds."""
    side.log_in()
    side.post("token/refresh/", {"refresh": side.refresh})
    side.post("token/refresh/", {"refresh": side.refresh})


def a_log_out_by_a_superseded_token(side: Side) -> None:
    """A client that missed a response logs out with its old token."""
    side.log_in()
    first = side.refresh
    side.carry_on()
    side.post("token/blacklist/", {"refresh": first})
    side.carry_on_if_possible()


def a_password_change_ends_the_refresh_token(side: Side) -> None:
    """A refresh token from before a password change is presented."""
    side.log_in()
    side.user.set_password("another")
    side.user.save()
    side.carry_on_if_possible()


DIFFERENCES: dict[str, Flow] = {
    flow.__name__: flow
    for flow in (
        a_log_out_ends_access_tokens,
        a_superseded_token_ends_all,
        a_lost_answer_is_made_up_for,
        a_log_out_by_a_superseded_token,
        a_password_change_ends_the_refresh_token,
    )
}
