"""The nested dicts of ``AUTHKIT``, each as a typed, frozen dataclass whose fields are its keys, lowered."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

Policy = Literal["off", "notice", "revoke"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """
    What happens when an auth session is used from another device or network than before.

    ``"off"``: nothing. ``"notice"``: a signal is sent. ``"revoke"``: it is revoked. Checked at
    refresh, and in session mode on each request.

    Attributes:
        user_agent: Policy for another browser or operating system. Versions are ignored.
        address: Policy for another network. Phones change networks many times a day.
        ipv4_prefix, ipv6_prefix: How many leading bits identify a network.
    """

    user_agent: Policy = "notice"
    address: Policy = "notice"
    ipv4_prefix: int = 24
    ipv6_prefix: int = 56


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRemembered:
    """
    How long an auth session lives whose login did not ask to be remembered. ``None``: as long as others.

    Attributes:
        idle: It ends this long after its last activity.
        absolute: It ends this long after its login, regardless of activity.
    """

    idle: timedelta | None = None
    absolute: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """
    How long things live.

    Attributes:
        access: How long an access token lives.
        idle: An auth session ends this long after its last activity.
        absolute: An auth session ends this long after its login, regardless of activity.
        refresh_grace: How long presenting the predecessor of a refresh token returns the same
            successor. 0 disables it.
        touch_interval: Activity is written at most this often.
        bound: How long the bound cookie lives, which a browser renews with the key of its device; see
            ``DEVICE_BOUND``. 5 minutes to 1 hour.
        not_remembered: What is shorter for logins that did not ask to be remembered; see ``NotRemembered``.
    """

    access: timedelta = timedelta(minutes=5)
    idle: timedelta = timedelta(days=14)
    absolute: timedelta = timedelta(days=90)
    refresh_grace: timedelta = timedelta(seconds=10)
    touch_interval: timedelta = timedelta(seconds=60)
    bound: timedelta = timedelta(minutes=10)
    not_remembered: NotRemembered = NotRemembered()

    def of_login(self, *, remember: bool) -> tuple[timedelta, timedelta]:
        """Return the idle timeout and the absolute lifetime of a login that is remembered or not."""
        if remember:
            return self.idle, self.absolute
        own = self.not_remembered
        absolute = self.absolute if own.absolute is None else own.absolute
        return min(self.idle if own.idle is None else own.idle, absolute), absolute


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """
    The cookies of the JWT mode. The session mode uses Django's ``SESSION_COOKIE_*``.

    What is not set follows Django's ``SESSION_COOKIE_SAMESITE``, ``_DOMAIN`` and ``_PATH``; ``secure`` does
    not, because Django's default is off. A name that is not set has the strongest prefix that the
    attributes allow: see ``conf.cookies``.

    Attributes:
        access_name, refresh_name: Cookie names.
        device_name: Name of the cookie by which a browser that has logged in is recognized when logins are
            counted, in both modes.
        secure, samesite, domain, path: Their attributes. Always HttpOnly.
        refresh_path: ``Path`` of the refresh cookie if it differs: that of the endpoints.
        plain_http: Whether the cookies omit ``Secure`` and the prefix that requires it, as long as
            Django's ``DEBUG`` is on. For development.
    """

    access_name: str = "__Host-authkit_access"
    refresh_name: str = "__Host-authkit_refresh"
    device_name: str = "__Host-authkit_device"
    secure: bool = True
    samesite: Literal["Lax", "Strict", "None"] = "Lax"
    domain: str | None = None
    path: str = "/"
    refresh_path: str | None = None
    plain_http: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Redis:
    """
    Where the Redis store keeps its keys.

    Attributes:
        alias: The ``CACHES`` alias of django-redis that the store uses.
        prefix: Prefix of every key.
        buckets: Hash slot groups; more than 1 only on a cluster. Do not change it after deployment.
        wait: How many replicas have to acknowledge a login, a rotation or a revocation, and the milliseconds
            that they have for that; ``None`` to wait for none.
    """

    alias: str = "authkit"
    prefix: str = "authkit"
    buckets: int = 1
    wait: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """
    The blacklist, and the copy that a process has of it with ``ACCESS_CHECK = "replica"``.

    Attributes:
        max_staleness: How long the copy may go unconfirmed and still be used.
        size: Maximum blacklist entries in each bucket; ``None`` for 1,000 revocations in each second of
            the life of an access token. See ``docs/how-to/fast-tokens.md``.
        sessions: Maximum auth sessions that a process remembers by their session key; 0 for none.
    """

    max_staleness: timedelta = timedelta(seconds=1)
    size: int | None = None
    sessions: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """
    Limits of attempts in DRF's notation (``"20/min"``); ``None`` for none. See ``throttling.attempts``.

    Attributes:
        login: Logins of one name from one address, and of one browser that has logged in before;
            re-authentications of one auth session. ``None`` turns off the counting of all logins.
        login_address: Logins from one address, whatever the name.
        login_account: Logins of one name from all addresses and browsers that have not logged in to it.
        login_step: Attempts at steps after the password (``LOGIN["STEPS"]``) of one user.
        refresh: Refreshes with a credential that is not valid, from one address.
        ticket: Tickets of one auth session.
    """

    login: str | None = "20/min"
    login_address: str | None = "120/min"
    login_account: str | None = "100/hour"
    login_step: str | None = "30/hour"
    refresh: str | None = "120/min"
    ticket: str | None = "120/min"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentAuth:
    """
    Recent authentication: the user proved who they are a short while ago.

    Attributes:
        max_age: How long an authentication counts as recent.
        to_revoke: Whether revoking auth sessions requires it (ASVS 7.5.2).
    """

    max_age: timedelta = timedelta(minutes=10)
    to_revoke: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundScope:
    """
    For which requests a browser renews the cookie that is bound to its device; see ``DEVICE_BOUND``.

    Attributes:
        exclude: Beginnings of paths that need no login, such as uploads. ``STATIC_URL`` is one already.
        initiators: Other hosts, such as ``"mail.example.org"`` or ``"*.example.org"``, whose links have the
            browser renew the cookie first. In session mode.
    """

    exclude: tuple[str, ...] = ()
    initiators: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dpop:
    """
    Header clients that bind their logins to a key of theirs (DPoP, RFC 9449).

    Attributes:
        mode: ``"offer"``: a login with a proof is bound. ``"require"``: logins over the header need one.
            ``"off"``: proofs are ignored; what is bound already does not open anything.
        nonce: Whether proofs need a nonce of ours, which costs no lookup.
        single_use: Whether a proof works once, which costs a round trip to the store for each.
        max_age: How old a proof may be: by its nonce up to twice as old, else by the client's clock.
    """

    mode: Literal["off", "offer", "require"] = "offer"
    nonce: bool = True
    single_use: bool = False
    max_age: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """
    What ``login/`` takes and returns.

    Attributes:
        serializer: Dotted path of the serializer of its body: a subclass of ``LoginBody``.
        response_serializer: Dotted path of the DRF serializer of a ``Grant`` whose members are added to the
            responses of ``login/`` and of the other endpoints that return an auth session with credentials.
        steps: Dotted paths of the steps after the password, in order: subclasses of ``LoginStep``.
        step_lifetime: How long a login waits for each of them.
    """

    serializer: str | None = None
    response_serializer: str | None = None
    steps: tuple[str, ...] = ()
    step_lifetime: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compat:
    """
    What clients that were written for another package need.

    Attributes:
        auth_schemes: Our schemes of the ``Authorization`` header, compared case-insensitively; the
            first is the challenge of a 401.
        simplejwt_rotation: Whether clients of ``compat.simplejwt`` store the new refresh token that each
            refresh returns. If not, their refresh token does not rotate, and its theft goes unnoticed.
    """

    auth_schemes: tuple[str, ...] = ("Bearer",)
    simplejwt_rotation: bool = True
