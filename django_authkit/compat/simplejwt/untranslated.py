"""Why a setting of simplejwt's has no equivalent, and what to do about it."""

from collections.abc import Iterator
from typing import Any, Final

_SLIDING: Final = (
    'There are no sliding tokens. With AUTHKIT_MODE = "session", clients have one credential that slides.'
)
_SERIALIZER: Final = (
    "Add claims with EXTRA_CLAIMS, and members of the response with answer() in a subclass of our view."
)
_CUSTOM: Final = "simplejwt_rules"  # differs from every default

REMOVED: Final = frozenset({"AUTH_HEADER_TYPE", "AUTH_TOKEN_CLASS", "SECRET_KEY", "TOKEN_BACKEND_CLASS"})

REMARKS: Final[dict[str, tuple[Any, str]]] = {
    "BLACKLIST_AFTER_ROTATION": (
        False,
        "Always on: a superseded refresh token is refused, and after "
        'LIFETIMES["REFRESH_GRACE"] it revokes the auth session.',
    ),
    "UPDATE_LAST_LOGIN": (
        True,
        "last_login is always updated, because user_logged_in is sent. To turn this off: "
        'user_logged_in.disconnect(dispatch_uid="update_last_login").',
    ),
    "JSON_ENCODER": (None, "Claims are plain JSON; return strings and numbers from EXTRA_CLAIMS."),
    "AUTH_HEADER_NAME": (
        "HTTP_AUTHORIZATION",
        "Credentials are read from Authorization. Copy your header there in a middleware before ours.",
    ),
    "USER_ID_FIELD": ("id", "Users are identified by their primary key. Add other claims with EXTRA_CLAIMS."),
    "USER_AUTHENTICATION_RULE": (
        "rest_framework_simplejwt.authentication.default_user_authentication_rule",
        "Implement the rule in user_can_authenticate() of your Django auth backend; it runs on each request.",
    ),
    "AUTH_TOKEN_CLASSES": (("rest_framework_simplejwt.tokens.AccessToken",), _SLIDING),
    "TOKEN_TYPE_CLAIM": ("token_type", "Return the claim from your own EXTRA_CLAIMS function."),
    "JTI_CLAIM": ("jti", "The claim is always jti."),
    "TOKEN_USER_CLASS": (
        "rest_framework_simplejwt.models.TokenUser",
        'request.user is always a real user. With USER_LOADING = "lazy" it is loaded when it is needed.',
    ),
    "CHECK_REVOKE_TOKEN": (False, "Always on: a password change revokes the user's other auth sessions."),
    "REVOKE_TOKEN_CLAIM": ("hash_password", "Tokens contain a stamp derived from the password's hash."),
    "CHECK_USER_IS_ACTIVE": (True, "Inactive users are always refused."),
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
    "ON_LOGIN_SUCCESS": (None, "Connect to Django's signal user_logged_in."),
    "ON_LOGIN_FAILED": (None, "Connect to Django's signal user_login_failed."),
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
            "Access tokens are signed with a key derived from SECRET_KEY. If other services verify them, "
            'generate a key pair: "manage.py authkit_keys generate".',
        )
    if algorithm in {"HS384", "HS512"}:
        yield "ALGORITHM", f"{algorithm} becomes HS256; only this service needs the key."


def _on_pair(algorithm: str, ours: str | None, *, signs: bool) -> Iterator[tuple[str, str]]:
    if not signs:
        yield "SIGNING_KEY", "There is none, so this service only verified tokens. Here it also issues them."
    elif ours is None:
        yield "ALGORITHM", f'{algorithm} is not supported. Generate a key: "manage.py authkit_keys generate".'
    else:
        yield (
            "SIGNING_KEY",
            "Put the private key, as PEM, into the environment variable AUTHKIT_SIGNING_KEY. VERIFYING_KEY "
            "is derived from it.",
        )
        if ours != algorithm:
            yield "ALGORITHM", f"{algorithm} becomes {ours}, with the same key."
