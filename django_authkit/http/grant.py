"""The credentials that a login or a refresh issues, and how they are put into a response."""

from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpResponseBase

from django_authkit.conf import get_settings
from django_authkit.http import cookies, transports
from django_authkit.types import AuthSession, Mode, Transport

_Response = TypeVar("_Response", bound=HttpResponseBase)


def is_kept_by_browser(session: AuthSession) -> bool:
    """Tell whether the browser of *session* renews its access cookie by itself, without any script."""
    return session.is_bound and is_registered(session)


def is_registered(session: AuthSession) -> bool:
    """Tell whether a browser has registered a key for *session*."""
    return bool(session.device_nonce) and get_settings().device_bound != "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """
    The credentials of an auth session, as they are sent to the client.

    Attributes:
        session: The auth session.
        user: Its user.
        mode: The form of the credentials.
        transport: How they travel.
        access: The session key or the access token.
        refresh: The refresh token; ``None`` in session mode, and where a browser has its refresh token
            already.
        expires_in: Seconds until the access token expires, or until the idle end in session mode.
    """

    session: AuthSession
    user: AbstractBaseUser
    mode: Mode
    transport: Transport
    access: str = field(repr=False)
    refresh: str | None = field(repr=False)
    expires_in: int

    def credentials(self) -> dict[str, Any]:
        """
        Return the members of the body with the credentials; none in cookie transport.

        Source: ASVS 3.3.4: a credential in a cookie is in no body, where a script could read it.
        """
        if self.transport is Transport.COOKIE:
            return {}
        refresh = {} if self.refresh is None else {"refresh": self.refresh}
        return {
            "access": self.access,
            **refresh,
            "token_type": "DPoP" if self.session.is_dpop_bound else get_settings().compat.auth_schemes[0],
            "expires_in": self.expires_in,
        }

    def check_size(self) -> None:
        """
        Check that a browser will keep the cookies.

        Raises:
            CookieTooLarge: It would silently drop one, and the user would be logged out again.
        """
        if self.transport is Transport.COOKIE and self.mode is Mode.JWT:
            cookies.check_size(access=self.access, refresh=self.refresh, session=self.session)

    def attach(self, response: _Response) -> _Response:
        """Set the cookies, in cookie transport, keep *response* out of caches, and return it."""
        if self.transport is Transport.HEADER:
            cookies.mark_private(response)
        elif self.mode is Mode.SESSION:
            cookies.set_session_cookie(response, self.access, self.session)
        else:
            cookies.set_token_cookies(
                response,
                access=self.access,
                refresh=self.refresh,
                session=self.session,
                access_life=self.expires_in if is_registered(self.session) else None,
            )
            if not is_kept_by_browser(self.session):
                response[transports.EXPIRES_IN_HEADER] = str(self.expires_in)
        return response

    def attach_headers(self, response: HttpResponseBase) -> None:
        """Set the credentials as headers: in the response of a project's own view, which has its own body."""
        cookies.mark_private(response)
        response[transports.ACCESS_HEADER] = self.access
        if self.refresh is not None:
            response[transports.REFRESH_HEADER] = self.refresh
        response[transports.EXPIRES_IN_HEADER] = str(self.expires_in)
