"""
The tree of errors. Each class has one stable ``code``; none knows of HTTP.

::

    AuthKitError
    ├── CredentialRejected
    │   ├── LoginFailed              login_failed
    │   ├── NotAuthenticated         not_authenticated
    │   ├── TokenMalformed           token_malformed
    │   ├── TokenInvalid             token_invalid
    │   ├── TokenExpired             token_expired
    │   ├── SessionEnded             session_ended
    │   ├── RefreshReused            refresh_reused
    │   ├── BindingMismatch          binding_mismatch
    │   └── ReauthenticationRequired reauthentication_required
    ├── CsrfFailed                   csrf_failed
    ├── SessionLimitReached          session_limit
    ├── InvalidRequest               invalid_request
    ├── NoSuchSession                not_found
    ├── CookieTooLarge               cookie_too_large
    └── StoreUnavailable             store_unavailable

The message of an error may be shown to a client; it never holds a credential, a key or a digest.
``answers.py`` is the one place that turns a class into a status code.
"""

from typing import ClassVar


class AuthKitError(Exception):
    """Something that django-authkit refuses or cannot do."""

    code: ClassVar[str] = "error"
    message: ClassVar[str] = "The request could not be handled."

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.message)


class CredentialRejected(AuthKitError):
    """A credential was presented, and it does not count."""

    code = "not_authenticated"
    message = "The credential was rejected."


class LoginFailed(CredentialRejected):
    """Unknown user, wrong password or inactive account: one answer for all (ASVS 6.3.8)."""

    code = "login_failed"
    message = "No active account matches these credentials."


class NotAuthenticated(CredentialRejected):
    """Nothing was presented where a credential is needed."""

    code = "not_authenticated"
    message = "Authentication credentials were not provided."


class TokenMalformed(CredentialRejected):
    """The string is not the form of any credential of ours."""

    code = "token_malformed"
    message = "The credential is malformed."


class TokenInvalid(CredentialRejected):
    """The form is right, but signature, key, kind, issuer, audience or a claim is not."""

    code = "token_invalid"
    message = "The credential is not valid."


class TokenExpired(CredentialRejected):
    """Genuine, but its time is over. A client may act on this one: refresh."""

    code = "token_expired"
    message = "The credential has expired."


class SessionEnded(CredentialRejected):
    """The auth session behind the credential is over: expired, revoked, or it has a newer key."""

    code = "session_ended"
    message = "The session has ended. Log in again."


class RefreshReused(CredentialRejected):
    """A superseded refresh token came back; the auth session was revoked before this was raised."""

    code = "refresh_reused"
    message = "The refresh token was already used. The session has been ended."


class BindingMismatch(CredentialRejected):
    """The auth session is bound to another device or network; it was revoked before this was raised."""

    code = "binding_mismatch"
    message = "The session was used from elsewhere and has been ended. Log in again."


class ReauthenticationRequired(CredentialRejected):
    """The user is logged in, and this needs a fresher proof that it is them (RFC 9470)."""

    code = "reauthentication_required"
    message = "Authenticate again to do this."

    def __init__(self, max_age: int) -> None:
        super().__init__()
        self.max_age = max_age


class CsrfFailed(AuthKitError):
    """A cookie-authenticated request without proof that our own front end sent it."""

    code = "csrf_failed"
    message = "CSRF verification failed."


class SessionLimitReached(AuthKitError):
    """The user already has the allowed number of auth sessions, and the policy is to refuse."""

    code = "session_limit"
    message = "The account has reached its limit of sessions."


class InvalidRequest(AuthKitError):
    """The request does not have the form that the endpoint asks for."""

    code = "invalid_request"
    message = "The request is not valid."


class NoSuchSession(AuthKitError):
    """No auth session of the user has this sid. Whether anybody else's has is not told."""

    code = "not_found"
    message = "No such session."


class CookieTooLarge(AuthKitError):
    """
    A credential is larger than the cookie that browsers keep; the project's ``EXTRA_CLAIMS`` are to blame.

    Attributes:
        name, size: Of the cookie; bytes, with its attributes. For the log, and not for a client.
    """

    code = "cookie_too_large"
    message = "The login does not fit into a cookie. Tell those who run this site."

    def __init__(self, name: str, size: int) -> None:
        super().__init__()
        self.name, self.size = name, size


class StoreUnavailable(AuthKitError):
    """The store did not answer. Nothing is known: neither "logged in" nor "logged out"."""

    code = "store_unavailable"
    message = "The session store cannot be reached. Try again shortly."
