"""
From ``SIMPLE_JWT`` to ``AUTHKIT``: the equivalent settings, and for the others the reason and what to do.

Only settings are read, so simplejwt need not be installed. Keys are never shown, in any form.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from textwrap import fill
from typing import Any, Final, NoReturn

from django_authkit.compat.simplejwt.untranslated import REMARKS, REMOVED, remark_on_key

_CLAIMS: Final = "django_authkit.compat.simplejwt.claims.simplejwt_claims"
_LONGEST_LEEWAY: Final = timedelta(minutes=2)
_USUAL_END: Final = timedelta(days=90)
_TRANSLATED: Final = frozenset(
    {
        "ACCESS_TOKEN_LIFETIME",
        "REFRESH_TOKEN_LIFETIME",
        "ROTATE_REFRESH_TOKENS",
        "LEEWAY",
        "ISSUER",
        "AUDIENCE",
        "AUTH_HEADER_TYPES",
        "USER_ID_CLAIM",
        "ALGORITHM",
        "SIGNING_KEY",
        "VERIFYING_KEY",
        "JWK_URL",
    }
)
_KEY_ALGORITHMS: Final = {
    "RS256": "RS256", "RS384": "RS256", "RS512": "RS256",
    "PS256": "PS256", "PS384": "PS256", "PS512": "PS256",
    "ES256": "ES256", "EdDSA": "EdDSA",
}  # fmt: skip
"""The algorithm that a key pair has here."""
_OTHER_ALGORITHMS: Final = frozenset({"HS256", "HS384", "HS512", "ES384", "ES512", "ES521", "ES256K"})


class NotTranslatable(ValueError):
    """``SIMPLE_JWT`` has a value that simplejwt does not accept; the message names it."""


@dataclass(slots=True)
class Translation:
    """
    The translation of a ``SIMPLE_JWT``.

    Attributes:
        lines: The keys of ``AUTHKIT``, each a line of Python, by their group; ``""`` for none.
        remarks: Remarks on settings without an equivalent, by name.
    """

    lines: dict[str, list[str]] = field(default_factory=dict)
    remarks: list[tuple[str, str]] = field(default_factory=list)

    def put(self, name: str, value: object, why: str, *, group: str = "") -> None:
        """Add a setting, with a comment that names its source."""
        self.lines.setdefault(group, []).append(f'"{name}": {_written(value)},  # {why}')

    def text(self) -> str:
        """Return Python code to paste into the settings."""
        told = [_comment(f"{name}: {remark}") for name, remark in self.remarks]
        return "\n".join(
            (
                "from datetime import timedelta",
                "",
                'AUTHKIT_MODE = "jwt"',
                "AUTHKIT = {",
                *self._members(),
                '    # "ADOPT": ["simplejwt"],  # adopts existing logins while simplejwt is installed',
                "}",
                *(("", "# What differs from SIMPLE_JWT:", *told) if told else ()),
            )
        )

    def _members(self) -> Iterator[str]:
        for group, lines in self.lines.items():
            if not group:
                yield from (f"    {line}" for line in lines)
                continue
            yield f'    "{group}": {{'
            yield from (f"        {line}" for line in lines)
            yield "    },"


def translate(simple_jwt: object, secret_key: object) -> Translation:
    """
    Translate the project's ``SIMPLE_JWT``.

    Args:
        simple_jwt: The setting; an empty dict for simplejwt's defaults.
        secret_key: ``SECRET_KEY``, used only to tell whether ``SIGNING_KEY`` differs from it.

    Raises:
        NotTranslatable: A value has a form that simplejwt does not take.
    """
    if not isinstance(simple_jwt, Mapping):
        raise NotTranslatable(f"SIMPLE_JWT is a {type(simple_jwt).__name__}, but has to be a dict.")
    made = Translation()
    made.put("TRANSPORTS", ("header",), '("cookie", "header") for browsers')
    _lifetimes(simple_jwt, made)
    _names(simple_jwt, made)
    _claims(simple_jwt, made)
    _keys(simple_jwt, secret_key, made)
    made.remarks += _remarks(simple_jwt)
    return made


def _lifetimes(given: Mapping[str, Any], made: Translation) -> None:
    access = _timedelta(given, "ACCESS_TOKEN_LIFETIME", timedelta(minutes=5))
    refresh = _timedelta(given, "REFRESH_TOKEN_LIFETIME", timedelta(days=1))
    rotates = _bool(given, "ROTATE_REFRESH_TOKENS")
    if access > refresh:
        remark = "Shortened to REFRESH_TOKEN_LIFETIME: no access token outlives its auth session."
        made.remarks.append(("ACCESS_TOKEN_LIFETIME", remark))
        access = refresh
    made.put("ACCESS", access, "ACCESS_TOKEN_LIFETIME", group="LIFETIMES")
    made.put("IDLE", refresh, "REFRESH_TOKEN_LIFETIME", group="LIFETIMES")
    if rotates:
        absolute = max(refresh, _USUAL_END)
        made.put("ABSOLUTE", absolute, "rotated tokens had no limit; see below", group="LIFETIMES")
        made.remarks.append(
            ("REFRESH_TOKEN_LIFETIME", "With rotation it started again at each refresh, without a limit. "
             'Here every login ends after LIFETIMES["ABSOLUTE"]; choose how long that is.')
        )  # fmt: skip
    else:
        why = "REFRESH_TOKEN_LIFETIME, because tokens did not rotate"
        made.put("ABSOLUTE", refresh, why, group="LIFETIMES")
    made.put("SIMPLEJWT_ROTATION", rotates, "ROTATE_REFRESH_TOKENS", group="COMPAT")
    if not rotates:
        made.remarks.append(
            ("ROTATE_REFRESH_TOKENS", "Clients that never store a new refresh token keep the one from their "
             "login, and its theft is not detected. With ADOPT, simplejwt's tokens are kept, too, until they "
             "expire. Once clients store new ones, set SIMPLEJWT_ROTATION to True.")
        )  # fmt: skip
    leeway = _leeway(given)
    made.put("LEEWAY", min(leeway, _LONGEST_LEEWAY), "LEEWAY")
    if leeway > _LONGEST_LEEWAY:
        made.remarks.append(("LEEWAY", "The maximum is two minutes. Synchronize the clocks."))


def _names(given: Mapping[str, Any], made: Translation) -> None:
    issuer, audience = given.get("ISSUER"), given.get("AUDIENCE")
    if issuer is not None:
        made.put("ISSUER", _text(issuer, "ISSUER"), "ISSUER")
    if isinstance(audience, list | tuple) and audience:
        made.remarks.append(("AUDIENCE", "Tokens have one audience here; this is the first."))
        audience = audience[0]
    if audience is not None:
        made.put("AUDIENCE", _text(audience, "AUDIENCE"), "AUDIENCE")
    types = given.get("AUTH_HEADER_TYPES", ("Bearer",))
    schemes = (types,) if isinstance(types, str) else types
    if not isinstance(schemes, list | tuple) or not schemes:
        _refuse("AUTH_HEADER_TYPES", types, "a tuple of strings")
    schemes = tuple(_text(scheme, "AUTH_HEADER_TYPES") for scheme in schemes)
    if schemes != ("Bearer",):
        made.put("AUTH_SCHEMES", schemes, "AUTH_HEADER_TYPES", group="COMPAT")


def _claims(given: Mapping[str, Any], made: Translation) -> None:
    claim = _text(given.get("USER_ID_CLAIM", "user_id"), "USER_ID_CLAIM")
    made.put("EXTRA_CLAIMS", _CLAIMS, "user_id and token_type, for clients that read them")
    if claim != "user_id":
        remark = (
            f"Set EXTRA_CLAIMS to a function of your own that returns "
            f"{{{claim!r}: str(user.pk), 'token_type': 'access'}}. The claim \"sub\" contains the same value."
        )
        made.remarks.append(("USER_ID_CLAIM", remark))


def _keys(given: Mapping[str, Any], secret_key: object, made: Translation) -> None:
    algorithm = given.get("ALGORITHM", "HS256")
    if not isinstance(algorithm, str) or algorithm not in {*_KEY_ALGORITHMS, *_OTHER_ALGORITHMS}:
        raise NotTranslatable('SIMPLE_JWT["ALGORITHM"] is not an algorithm that simplejwt signs with.')
    ours = _KEY_ALGORITHMS.get(algorithm)
    signs = bool(given.get("SIGNING_KEY", secret_key))
    if ours is not None and signs:
        made.put("SIGNING_KEYS", [{"env": "AUTHKIT_SIGNING_KEY", "algorithm": ours}], "see SIGNING_KEY below")
    own_secret = signs and given.get("SIGNING_KEY", secret_key) != secret_key
    made.remarks += remark_on_key(algorithm, ours, signs=signs, own_secret=own_secret)
    if given.get("JWK_URL"):
        remark = "Tokens of another service are not verified; keep simplejwt for the views that accept them."
        made.remarks.append(("JWK_URL", remark))


def _remarks(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in given.items():
        if name in REMARKS:
            default, remark = REMARKS[name]
            if value != default:
                yield name, remark
        elif name in REMOVED:
            yield name, "simplejwt has removed this setting and does not start with it. Remove it."
        elif name not in _TRANSLATED:
            yield (
                repr(name).strip("'"),
                "Not a known setting of simplejwt; left out.",
            )
    if "UPDATE_LAST_LOGIN" not in given:
        yield "UPDATE_LAST_LOGIN", REMARKS["UPDATE_LAST_LOGIN"][1]


def _timedelta(given: Mapping[str, Any], name: str, default: timedelta) -> timedelta:
    value = given.get(name, default)
    if not isinstance(value, timedelta) or value < timedelta(seconds=1):
        _refuse(name, value, "a timedelta of a second or more")
    return value


def _bool(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        _refuse(name, value, "True or False")
    return value


def _leeway(given: Mapping[str, Any]) -> timedelta:
    value = given.get("LEEWAY", 0)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = timedelta(seconds=value)
    leeway = timedelta(0) if value is None else value
    if not isinstance(leeway, timedelta) or leeway < timedelta(0):
        _refuse("LEEWAY", value, "a number of seconds or a timedelta, 0 or more")
    return timedelta(seconds=-(-leeway // timedelta(seconds=1)))  # whole seconds, rounded up


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value:
        _refuse(name, value, "a string")
    return value


def _refuse(name: str, value: object, wanted: str) -> NoReturn:
    raise NotTranslatable(f'SIMPLE_JWT["{name}"] is {value!r}, but has to be {wanted}.')


def _comment(text: str) -> str:
    return fill(
        text,
        width=100,
        initial_indent="# * ",
        subsequent_indent="#   ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _written(value: object) -> str:
    """Return *value* as Python code."""
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(_written, value))},)"
    return repr(value) if isinstance(value, bool) else json.dumps(value, ensure_ascii=False)


def _duration(span: timedelta) -> str:
    """Return *span* as written in settings, in the largest unit that divides it evenly."""
    if not span:
        return "timedelta(0)"
    for unit in ("days", "hours", "minutes", "seconds"):
        count, rest = divmod(span, timedelta(**{unit: 1}))
        if not rest:
            return f"timedelta({unit}={count})"
    return f"timedelta(seconds={span.total_seconds()!r})"
