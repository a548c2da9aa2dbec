"""
The tree of errors. Each class has one stable ``code``; none depends on HTTP.

::

    AuthKitError
    ├── CredentialRejected
    │   ├── LoginFailed              login_failed
    │   ├── LoginUnfinished
    │   │   ├── LoginStepRequired    step_required
    │   │   └── LoginStepFailed      step_failed
    │   ├── LoginStepEnded           step_ended
    │   ├── NotAuthenticated         not_authenticated
    │   ├── TokenMalformed           token_malformed
    │   ├── TokenInvalid             token_invalid
    │   ├── TokenExpired             token_expired
    │   ├── SessionEnded             session_ended
    │   ├── RefreshReused            refresh_reused
    │   ├── BindingMismatch          binding_mismatch
    │   ├── DeviceMismatch           device_mismatch
    │   ├── DpopRefused
    │   │   ├── DpopProofInvalid     dpop_proof_invalid
    │   │   └── DpopNonceRequired    use_dpop_nonce
    │   └── ReauthenticationRequired reauthentication_required
    ├── CsrfFailed                   csrf_failed
    ├── DeviceBindingRequired        device_binding_required
    ├── SessionLimitReached          session_limit
    ├── InvalidRequest               invalid_request
    │   ├── SeveralCredentials       invalid_request
    │   └── DeviceProofInvalid       device_proof_invalid
    ├── NoSuchSession                not_found
    ├── Throttled                    throttled
    ├── CookieTooLarge               cookie_too_large
    └── StoreUnavailable             store_unavailable

The message of an error may be shown to a client, which gets it in the language of the request; it never
contains a credential, a key or a digest.
``http/error_responses.py`` is the one place that maps a class to a status code.
"""

from typing import Any, ClassVar


def _(text: str) -> str:
    """Mark a message, which is translated when a response is made of it."""
    return text


class AuthKitError(Exception):
    """Base class of every error of django-authkit."""

    code: ClassVar[str] = "error"
    message: ClassVar[str] = _("The request could not be handled.")

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.message)

    def members(self) -> dict[str, Any]:
        """Return what the body of a response has beside ``detail`` and ``code``."""
        return {}


class CredentialRejected(AuthKitError):
    """
    A credential was presented, and it is not valid.

    Attributes:
        is_of_dpop: It was presented with the scheme ``DPoP``.
    """

    is_of_dpop: bool = False

    code = "not_authenticated"
    message = _("The credential was rejected.")


class LoginFailed(CredentialRejected):
    """Unknown user, wrong password or inactive account: the same error for all (ASVS 6.3.8)."""

    code = "login_failed"
    message = _("No active account matches these credentials.")


class LoginUnfinished(CredentialRejected):
    """
    The password is right, and the login goes on with a step: nobody is logged in yet.

    Attributes:
        step: The name of the step.
        handle: What the client sends with it; works once.
        expires_in: Seconds until the handle expires.
        question: What the step tells the client.
    """

    def __init__(self, *, step: str, handle: str, expires_in: int, question: dict[str, Any]) -> None:
        super().__init__()
        self.step, self.handle, self.expires_in, self.question = step, handle, expires_in, question

    def members(self) -> dict[str, Any]:
        """Return what the client needs to go on."""
        names = ("step", "handle", "expires_in", "question")
        return {name: getattr(self, name) for name in names}


class LoginStepRequired(LoginUnfinished):
    """The login needs another step."""

    code = "step_required"
    message = _("Another step is needed to log in.")


class LoginStepFailed(LoginUnfinished):
    """What the client sent for the step is not right. It can try again, with a new handle."""

    code = "step_failed"
    message = _("The proof is not valid. Try again.")


class LoginStepEnded(CredentialRejected):
    """The handle of a login step is unknown, was used or has expired, or its user may not log in any more."""

    code = "step_ended"
    message = _("This login has expired. Log in again.")


class NotAuthenticated(CredentialRejected):
    """A credential is required, and none was presented."""

    code = "not_authenticated"
    message = _("Authentication credentials were not provided.")


class TokenMalformed(CredentialRejected):
    """The string does not have the form of any of our credentials."""

    code = "token_malformed"
    message = _("The credential is malformed.")


class TokenInvalid(CredentialRejected):
    """The form is valid, but the signature, key, type, issuer, audience or a claim is not."""

    code = "token_invalid"
    message = _("The credential is not valid.")


class TokenExpired(CredentialRejected):
    """The token is genuine but has expired. The client should refresh."""

    code = "token_expired"
    message = _("The credential has expired.")


class SessionEnded(CredentialRejected):
    """The auth session of the credential has expired, was revoked, or has a newer key."""

    code = "session_ended"
    message = _("The session has ended. Log in again.")


class RefreshReused(CredentialRejected):
    """A superseded refresh token was reused; the auth session was revoked before this was raised."""

    code = "refresh_reused"
    message = _("The refresh token was already used. The session has been revoked.")


class BindingMismatch(CredentialRejected):
    """The auth session is bound to another device or network; it was revoked before this was raised."""

    code = "binding_mismatch"
    message = _("The session was used from elsewhere and has been revoked. Log in again.")


class DeviceMismatch(CredentialRejected):
    """The auth session is bound to a device, and the request does not show that it is from that one."""

    code = "device_mismatch"
    message = _("The login belongs to another device. Log in again.")


class DpopRefused(CredentialRejected):
    """
    The proof of a request (RFC 9449) is not accepted.

    Attributes:
        error: What the RFC calls it.
    """

    error: ClassVar[str] = "invalid_dpop_proof"
    is_of_dpop = True

    def members(self) -> dict[str, Any]:
        """Return what the libraries of OAuth clients look at."""
        return {"error": self.error}


class DpopProofInvalid(DpopRefused):
    """The proof is missing, malformed, not signed with its key, for another request, stale, or was used."""

    code = "dpop_proof_invalid"
    message = _("The DPoP proof is missing or not valid.")


class DpopNonceRequired(DpopRefused):
    """The proof has no fresh nonce. The response has one, and the client should try again."""

    code = error = "use_dpop_nonce"
    message = _("The DPoP proof needs the nonce of this response. Try again.")


class ReauthenticationRequired(CredentialRejected):
    """The user is logged in, but the request requires more recent authentication (RFC 9470)."""

    code = "reauthentication_required"
    message = _("Authenticate again to do this.")

    def __init__(self, max_age: int) -> None:
        super().__init__()
        self.max_age = max_age


class CsrfFailed(AuthKitError):
    """A request authenticated by a cookie failed the CSRF check."""

    code = "csrf_failed"
    message = _("CSRF verification failed.")


class DeviceBindingRequired(AuthKitError):
    """The user is logged in, but the view requires a login that is bound to its device."""

    code = "device_binding_required"
    message = _("This needs a browser that binds logins to its device. Log in again with one that does.")


class SessionLimitReached(AuthKitError):
    """The user already has the allowed number of auth sessions, and the policy is to refuse the login."""

    code = "session_limit"
    message = _("The account has reached its limit of sessions.")


class InvalidRequest(AuthKitError):
    """The request does not have the form that the endpoint requires."""

    code = "invalid_request"
    message = _("The request is not valid.")


class SeveralCredentials(InvalidRequest):
    """The request has a bearer credential, and another in its query string or form (RFC 6750 §2)."""

    message = _("The request has several credentials. Send one, in the Authorization header.")


class DeviceProofInvalid(InvalidRequest):
    """A browser's proof of its device is malformed, signed with another key, or for another auth session."""

    code = "device_proof_invalid"
    message = _("The proof of the device is not valid.")


class NoSuchSession(AuthKitError):
    """The user has no auth session with this sid. Another user might; the error does not reveal it."""

    code = "not_found"
    message = _("No such session.")


class Throttled(AuthKitError):
    """
    Too many attempts.

    Attributes:
        wait: Seconds until another attempt will be allowed; whole, at least 1.
    """

    code = "throttled"
    message = _("Too many attempts. Try again later.")

    def __init__(self, wait: int) -> None:
        super().__init__()
        self.wait = wait


class CookieTooLarge(AuthKitError):
    """
    A credential does not fit into a cookie, because of the project's own claims in tokens.

    Attributes:
        name, size: Of the cookie; size in bytes with its attributes. For the log, not for clients.
    """

    code = "cookie_too_large"
    message = _("The login does not fit into a cookie. Contact the site administrator.")

    def __init__(self, name: str, size: int) -> None:
        super().__init__()
        self.name, self.size = name, size


class StoreUnavailable(AuthKitError):
    """
    The store did not respond, so it is unknown whether the client is logged in.

    Attributes:
        cause: Which server failed, where it is, and what it said. For operators, not for clients.
    """

    code = "store_unavailable"
    message = _("The session store cannot be reached. Try again shortly.")

    def __init__(self, message: str | None = None, *, cause: str | None = None) -> None:
        super().__init__(message)
        self.cause = cause or str(self)
