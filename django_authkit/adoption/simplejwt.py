"""Tokens of djangorestframework-simplejwt, verified by simplejwt itself with the project's ``SIMPLE_JWT``."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.module_loading import import_string
from rest_framework_simplejwt import settings as simplejwt
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import (
    AuthenticationFailed,
    ExpiredTokenError,
    TokenBackendError,
    TokenBackendExpiredToken,
    TokenError,
)

from django_authkit.adoption.adapter import Adapter, ExternalCookie, ExternalLogin, Place
from django_authkit.errors import SessionEnded, TokenExpired, TokenInvalid, TokenMalformed
from django_authkit.http.transports import cookie_of
from django_authkit.problems import Problem


class _Tokens(Adapter):
    """What the kinds have in common: how a token is verified, and who its user is."""

    def identify(self, credential: str) -> str:
        """Return the ``jti`` of a token with a good signature; a token can be written in many ways."""
        try:
            claims = self._kind()().get_token_backend().decode(credential)
        except TokenBackendExpiredToken as error:
            raise TokenExpired from error
        except TokenBackendError as error:
            raise TokenInvalid from error
        jti = claims.get(simplejwt.api_settings.JTI_CLAIM)
        if not jti:
            raise TokenInvalid
        return str(jti)

    def open(self, credential: str) -> ExternalLogin:
        """Return the login. A lookup in the blacklist, where there is one, and one for the user."""
        token = self._verified(credential)
        return ExternalLogin(
            user=_user_of(token),
            authenticated_at=self._authentication_time_of(token),
            idle_expires_at=self._idle_expiry_of(token),
            expires_at=self._latest_expiry_of(token),
        )

    def retire(self, credential: str) -> bool:
        """Blacklist the token, if simplejwt can do that for its kind as the project has set it up."""
        try:
            token = self._verified(credential)
        except (TokenInvalid, TokenExpired):  # blacklisted already, or over by itself
            return True
        blacklist = getattr(token, "blacklist", None)
        if blacklist is None:
            return False
        blacklist()
        return True

    def problems(self) -> Iterator[Problem]:
        """Yield what keeps a token from being adopted once only."""
        if simplejwt.api_settings.JTI_CLAIM is None:
            yield Problem(
                "authkit.E105",
                'ADOPT adopts tokens of simplejwt, but SIMPLE_JWT["JTI_CLAIM"] is None: a token that was '
                "already adopted cannot be recognized.",
                "Remove simplejwt from ADOPT; its users have to log in again.",
            )

    def _kind(self) -> Any:
        """Return the class of such tokens."""
        raise NotImplementedError

    def _verified(self, credential: str) -> Any:
        try:
            return self._kind()(credential)
        except ExpiredTokenError as error:
            raise TokenExpired from error
        except TokenError as error:
            raise TokenInvalid from error

    def _authentication_time_of(self, token: Any) -> datetime | None:
        raise NotImplementedError

    def _idle_expiry_of(self, token: Any) -> datetime | None:
        return _moment(token, "exp")

    def _latest_expiry_of(self, token: Any) -> datetime | None:
        raise NotImplementedError


class RefreshTokens(_Tokens):
    """Adopts at ``refresh/`` what comes in the place of a refresh token of ours."""

    name: ClassVar[str] = "simplejwt"
    place: ClassVar[Place] = Place.REFRESH

    def problems(self) -> Iterator[Problem]:
        """Yield what keeps a token from being adopted once only, or from being forgotten by simplejwt."""
        yield from super().problems()
        if not hasattr(self._kind(), "blacklist"):
            yield Problem(
                "authkit.W106",
                "ADOPT adopts refresh tokens of simplejwt, but its blacklist app is not installed: adopted "
                "tokens still work at simplejwt's own views.",
                "If no URL leads to simplejwt's views any more, add this id to SILENCED_SYSTEM_CHECKS; else "
                'remove them, or add "rest_framework_simplejwt.token_blacklist" to INSTALLED_APPS.',
            )

    def open(self, credential: str) -> ExternalLogin:
        """Return the login, whose client keeps this token if simplejwt gave it no other."""
        return replace(super().open(credential), rotates=bool(simplejwt.api_settings.ROTATE_REFRESH_TOKENS))

    def _kind(self) -> Any:
        return import_string(simplejwt.api_settings.TOKEN_REFRESH_SERIALIZER).token_class

    def _authentication_time_of(self, token: Any) -> datetime | None:
        return None if simplejwt.api_settings.ROTATE_REFRESH_TOKENS else _moment(token, "iat")

    def _latest_expiry_of(self, token: Any) -> datetime | None:
        """Return when it ends; ``None`` where simplejwt would give it a successor with an end of its own."""
        return None if simplejwt.api_settings.ROTATE_REFRESH_TOKENS else _moment(token, "exp")


class RefreshCookies(RefreshTokens):
    """
    Adopts a refresh token that a project's own views keep in a cookie, at the first request of a browser.

    Args:
        refresh_cookie, access_cookie: The names of the two cookies, both of which are deleted.
        refresh_path, access_path, domain: With what the project set them.
    """

    name: ClassVar[str] = "simplejwt_cookie"
    place: ClassVar[Place] = Place.BROWSER
    space: ClassVar[str | None] = "simplejwt"

    def __init__(
        self,
        *,
        refresh_cookie: str = "refresh_token",
        access_cookie: str = "access_token",
        refresh_path: str = "/",
        access_path: str = "/",
        domain: str | None = None,
    ) -> None:
        self._refresh = ExternalCookie(refresh_cookie, refresh_path, domain)
        self._access = ExternalCookie(access_cookie, access_path, domain)

    @property
    def cookie(self) -> ExternalCookie | None:
        """The cookie of the refresh token."""
        return self._refresh

    @property
    def cookies(self) -> tuple[ExternalCookie, ...]:
        """Both cookies."""
        return self._refresh, self._access

    def find(self, request: HttpRequest) -> str | None:
        """Return the refresh token in its cookie."""
        return cookie_of(request, self._refresh.name) or None

    def open(self, credential: str) -> ExternalLogin:
        """Return the login, whose cookies outlive the browser."""
        return replace(super().open(credential), remember=True, rotates=True)


class AccessTokens(_Tokens):
    """
    Adopts at ``adopt/`` an access or sliding token, for no longer than it would have lasted.

    For clients that have no refresh token. Those that have one present it at ``refresh/``.
    """

    name: ClassVar[str] = "simplejwt_access"
    place: ClassVar[Place] = Place.HEADER

    def find(self, request: HttpRequest) -> str | None:
        """Return the token of the header and scheme that ``SIMPLE_JWT`` says."""
        backend = JWTAuthentication()
        header = backend.get_header(request)
        try:
            token = None if header is None else backend.get_raw_token(header)
        except AuthenticationFailed as error:
            raise TokenMalformed from error
        return None if token is None else token.decode("latin-1")

    def _kind(self) -> Any:
        return simplejwt.api_settings.AUTH_TOKEN_CLASSES[0]

    def _verified(self, credential: str) -> Any:
        """Return it as the first of ``AUTH_TOKEN_CLASSES`` that it is."""
        expired = False
        for kind in simplejwt.api_settings.AUTH_TOKEN_CLASSES:
            try:
                return kind(credential)
            except ExpiredTokenError:
                expired = True
            except TokenError:
                continue
        raise TokenExpired if expired else TokenInvalid

    def _authentication_time_of(self, token: Any) -> datetime | None:  # noqa: ARG002 - it tells nothing of the login
        return None

    def _idle_expiry_of(self, token: Any) -> datetime | None:
        """Return when it ends; a sliding token can be renewed for longer than it is good for views."""
        return _moment(
            token, simplejwt.api_settings.SLIDING_TOKEN_REFRESH_EXP_CLAIM
        ) or super()._idle_expiry_of(token)

    def _latest_expiry_of(self, token: Any) -> datetime | None:
        return self._idle_expiry_of(token)


def _user_of(token: Any) -> Any:
    """Return the user, by all that simplejwt asks of one: ``CHECK_REVOKE_TOKEN`` and the project's rule."""
    try:
        user = JWTAuthentication().get_user(token)
    except (AuthenticationFailed, ValueError, ValidationError, get_user_model().DoesNotExist) as error:
        raise SessionEnded from error
    if not simplejwt.api_settings.USER_AUTHENTICATION_RULE(user):
        raise SessionEnded
    return user


def _moment(token: Any, claim: str) -> datetime | None:
    seconds = token.get(claim)
    return None if seconds is None else datetime.fromtimestamp(seconds, tz=UTC)
