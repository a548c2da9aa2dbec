"""``authkit_switch from-simplejwt``: settings to paste, without secrets."""

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from django_authkit.compat.simplejwt.settings import translate
from django_authkit.compat.simplejwt.untranslated import REMARKS
from django_authkit.conf import find_problems, get_settings
from django_authkit.types import Mode

SECRET = "a secret of this test's that nobody may see 0123456789"
PEM = "-----BEGIN PRIVATE KEY-----\nnobody may see this\n-----END PRIVATE KEY-----"


def translated(settings: Settings, **simple_jwt: Any) -> str:
    """Return the output for this ``SIMPLE_JWT``."""
    settings.SIMPLE_JWT = simple_jwt
    out = io.StringIO()
    call_command("authkit_switch", "from-simplejwt", stdout=out)
    return out.getvalue()


def flat(text: str) -> str:
    """Return *text* as one line, without comment signs."""
    return re.sub(r"[\s#]+", " ", text)


def pasted(settings: Settings, text: str) -> Any:
    """Paste it into the settings, and return the settings; no check fails."""
    names: dict[str, Any] = {}
    exec(text, names)  # noqa: S102 - that it can be pasted is what is tested
    settings.AUTHKIT_MODE, settings.AUTHKIT = names["AUTHKIT_MODE"], names["AUTHKIT"]
    assert list(find_problems()) == []
    return get_settings()


def test_the_defaults(settings: Settings) -> None:
    """Without rotation a login lasts for as long as the refresh token did."""
    made = pasted(settings, translated(settings))
    assert made.mode is Mode.JWT
    assert made.lifetimes.access == timedelta(minutes=5)
    assert made.lifetimes.idle == made.lifetimes.absolute == timedelta(days=1)
    assert made.leeway == timedelta(0)
    assert not made.compat.simplejwt_rotation
    assert made.extra_claims == "django_authkit.compat.simplejwt.claims.simplejwt_claims"
    assert made.signing_keys == ()


def test_a_project_with_everything(settings: Settings) -> None:
    """Everything that has an equivalent is translated."""
    text = translated(
        settings,
        ACCESS_TOKEN_LIFETIME=timedelta(minutes=90),
        REFRESH_TOKEN_LIFETIME=timedelta(days=7),
        ROTATE_REFRESH_TOKENS=True,
        LEEWAY=2.5,
        ISSUER='shop "a"',
        AUDIENCE=["web", "app"],
        AUTH_HEADER_TYPES=("JWT", "Bearer"),
        ALGORITHM="RS512",
        SIGNING_KEY=PEM,
        VERIFYING_KEY=PEM,
    )
    made = pasted(settings, text)
    assert (made.lifetimes.access, made.lifetimes.idle) == (timedelta(minutes=90), timedelta(days=7))
    assert made.lifetimes.absolute == timedelta(days=90)
    assert made.compat.simplejwt_rotation
    assert made.leeway == timedelta(seconds=3)
    assert (made.issuer, made.audience) == ('shop "a"', "web")
    assert made.compat.auth_schemes == ("JWT", "Bearer")
    assert made.signing_keys == ({"env": "AUTHKIT_SIGNING_KEY", "algorithm": "RS256"},)
    assert "nobody may see" not in text


def test_extremes_fit_our_rules(settings: Settings) -> None:
    """Values outside our limits are changed to the limits."""
    text = translated(settings, ACCESS_TOKEN_LIFETIME=timedelta(days=400), LEEWAY=timedelta(hours=1))
    made = pasted(settings, text)
    assert made.lifetimes.access == timedelta(days=1)
    assert made.leeway == timedelta(minutes=2)


def test_each_setting_without_an_equivalent_is_named(settings: Settings) -> None:
    """A setting that differs from simplejwt's default is reported with advice; a default is not."""
    text = translated(settings, **dict.fromkeys(REMARKS, "something else"))
    for name, (_, remark) in REMARKS.items():
        assert flat(f"{name}: {remark}") in flat(text)
    pasted(settings, text)
    text = translated(settings, **{name: default for name, (default, _) in REMARKS.items()})
    assert "UPDATE_LAST_LOGIN" not in text
    assert "CHECK_REVOKE_TOKEN" not in text


@pytest.mark.parametrize("algorithm", ["HS256", "HS512", "RS256", "ES256", "ES384", "EdDSA"])
def test_no_key_is_printed(settings: Settings, algorithm: str) -> None:
    """For every algorithm and every setting that may contain a key."""
    simple_jwt = {
        "ALGORITHM": algorithm,
        "SIGNING_KEY": SECRET,
        "VERIFYING_KEY": SECRET,
        "SECRET_KEY": SECRET,  # once simplejwt is imported, it refuses this value
        "MY_KEY": SECRET,
        "JWK_URL": f"https://{SECRET}/",
    }
    text = translate(simple_jwt, settings.SECRET_KEY).text()
    assert SECRET not in text
    assert settings.SECRET_KEY not in text
    assert "# * SIGNING_KEY:" in text or "# * ALGORITHM:" in text
    pasted(settings, text)


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ({"ACCESS_TOKEN_LIFETIME": 300}, "ACCESS_TOKEN_LIFETIME"),
        ({"REFRESH_TOKEN_LIFETIME": timedelta(0)}, "REFRESH_TOKEN_LIFETIME"),
        ({"ROTATE_REFRESH_TOKENS": "yes"}, "ROTATE_REFRESH_TOKENS"),
        ({"LEEWAY": -1}, "LEEWAY"),
        ({"LEEWAY": "1"}, "LEEWAY"),
        ({"ISSUER": 7}, "ISSUER"),
        ({"AUDIENCE": [7]}, "AUDIENCE"),
        ({"AUTH_HEADER_TYPES": ()}, "AUTH_HEADER_TYPES"),
        ({"USER_ID_CLAIM": None}, "USER_ID_CLAIM"),
        ({"ALGORITHM": "none"}, "ALGORITHM"),
        ({"ALGORITHM": PEM}, "ALGORITHM"),
    ],
)
def test_an_invalid_value_is_reported(settings: Settings, odd: dict[str, Any], said: str) -> None:
    """The message names the setting, and nothing is printed."""
    with pytest.raises(CommandError, match=said) as refused:
        translated(settings, **odd)
    assert "nobody may see" not in str(refused.value)


def test_another_type_is_reported(settings: Settings) -> None:
    """``SIMPLE_JWT`` has to be a dict."""
    settings.SIMPLE_JWT = [SECRET]
    with pytest.raises(CommandError, match="SIMPLE_JWT is a list") as refused:
        call_command("authkit_switch", "from-simplejwt")
    assert SECRET not in str(refused.value)
