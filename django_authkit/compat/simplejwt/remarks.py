"""Why a setting of simplejwt's has no equivalent, and what to do about it."""

from collections.abc import Iterator
from typing import Any, Final

_SLIDING: Final = (
    'There are no sliding tokens. AUTHKIT_MODE = "session" gives clients one credential that slides.'
)
_SERIALIZER: Final = (
    "Claims go into EXTRA_CLAIMS; members of the answer into a subclass of our view, by answer()."
)
_CUSTOM: Final = "simplejwt_rules"  # differs from every default

REMOVED: Final = frozenset({"AUTH_HEADER_TYPE", "AUTH_TOKEN_CLASS", "SECRET_KEY", "TOKEN_BACKEND_CLASS"})

REMARKS: Final[dict[str, tuple[Any, str]]] = {
    "BLACKLIST_AFTER_ROTATION": (
        False,
        "It is always so: a superseded refresh token is refused, and after "
        'LIFETIMES["REFRESH_GRACE"] it ends the login.',
    ),
    "UPDATE_LAST_LOGIN": (
        True,
        "last_login is always written, since user_logged_in is sent. To go without: "
        'user_logged_in.disconnect(dispatch_uid="update_last_login").',
    ),
    "JSON_ENCODER": (None, "Claims are plain JSON: let EXTRA_CLAIMS return strings and numbers."),
    "AUTH_HEADER_NAME": (
        "HTTP_AUTHORIZATION",
        "Credentials come in Authorization. Copy your header there in a middleware before ours.",
    ),
    "USER_ID_FIELD": ("id", "Users are known by their primary key. Other claims go into EXTRA_CLAIMS."),
    "USER_AUTHENTICATION_RULE": (
        "rest_framework_simplejwt.authentication.default_user_authentication_rule",
        "Put the rule into user_can_authenticate() of your Django auth backend, which is asked each time.",
    ),
    "AUTH_TOKEN_CLASSES": (("rest_framework_simplejwt.tokens.AccessToken",), _SLIDING),
    "TOKEN_TYPE_CLAIM": ("token_type", "Name the claim in a function of your own for EXTRA_CLAIMS."),
    "JTI_CLAIM": ("jti", "The claim is always jti."),
    "TOKEN_USER_CLASS": (
        "rest_framework_simplejwt.models.TokenUser",
        'request.user is always a user. USER_LOADING = "lazy" reads no row before it is needed.',
    ),
    "CHECK_REVOKE_TOKEN": (False, "It is always so: a change of the password ends the user's other logins."),
    "REVOKE_TOKEN_CLAIM": ("hash_password", "Nothing of the password is in a token but a stamp of its hash."),
    "CHECK_USER_IS_ACTIVE": (True, "Inactive users are never let in."),
    "TOKEN_OBTAIN_SERIALIZER": (
        "rest_framework_simplejwt.serializers.TokenObtainPairSerializer", _SERIALIZER,
    ),
    "TOKEN_REFRESH_SERIALIZER": (
        "rest_framework_simplejwt.serializers.TokenRefreshSerializer", _SERIALIZER,
    ),
    "TOKEN_VERIFY_SERIALIZER": (
        "rest_framework_simplejwt.serializers.TokenVerifySerializer", _SERIALIZER,
    ),
    "TOKEN_BLACKLIST_SERIALIZER": (
        "rest_framework_simplejwt.serializers.TokenBlacklistSerializer", _SERIALIZER,
    ),
    "SLIDING_TOKEN_REFRESH_EXP_CLAIM": ("refresh_exp", _SLIDING),
    "SLIDING_TOKEN_LIFETIME": (_CUSTOM, _SLIDING),
    "SLIDING_TOKEN_REFRESH_LIFETIME": (_CUSTOM, _SLIDING),
    "SLIDING_TOKEN_OBTAIN_SERIALIZER": (_CUSTOM, _SLIDING),
    "SLIDING_TOKEN_REFRESH_SERIALIZER": (_CUSTOM, _SLIDING),
    "ON_LOGIN_SUCCESS": (None, "Listen to Django's user_logged_in."),
    "ON_LOGIN_FAILED": (None, "Listen to Django's user_login_failed."),
}  # fmt: skip
"""By name: simplejwt's default, which needs no remark, and the remark on any other value."""


def remark_on_key(
    algorithm: str, ours: str | None, *, signs: bool, own_secret: bool
) -> Iterator[tuple[str, str]]:
    """Yield remarks on ``ALGORITHM`` and the keys, without reading the keys."""
    if not algorithm.startswith("HS"):
        yield from _on_pair(algorithm, ours, signs=signs)
    elif own_secret:
        yield (
            "SIGNING_KEY",
            "Access tokens are signed with a key that follows from SECRET_KEY. If other services verify "
            'them, give these a key pair: see "manage.py authkit_keys generate".',
        )
    if algorithm in {"HS384", "HS512"}:
        yield "ALGORITHM", f"{algorithm} became HS256. Nobody but this service needs the key."


def _on_pair(algorithm: str, ours: str | None, *, signs: bool) -> Iterator[tuple[str, str]]:
    if not signs:
        yield "SIGNING_KEY", "There is none, so this service only verifies. Here it issues, too."
    elif ours is None:
        yield "ALGORITHM", f'{algorithm} is not signed with. Make a key: "manage.py authkit_keys generate".'
    else:
        yield (
            "SIGNING_KEY",
            "Put the private key, as PEM, into the environment variable AUTHKIT_SIGNING_KEY. VERIFYING_KEY "
            "follows from it.",
        )
        if ours != algorithm:
            yield "ALGORITHM", f"{algorithm} became {ours}, with the same key."
