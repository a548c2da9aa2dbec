"""Clients get what an error says in their language, and the same codes."""

from collections.abc import Iterator

import pytest
from django.conf import settings as django_settings
from django.utils import translation
from pytest_django import Settings

from support.client import body
from support.live_site import LiveSite

MESSAGES = {
    "ko": "이 정보와 일치하는 활성 계정이 없습니다.",
    "pt-br": "Nenhuma conta ativa corresponde a esses dados de acesso.",
    "zh-hans": "没有与这些凭据匹配的有效账户。",
    "en": "No active account matches these credentials.",
}


@pytest.fixture(params=["valkey"])
def where(request: pytest.FixtureRequest) -> str:
    """No store says anything."""
    name: str = request.param
    return name


@pytest.fixture(autouse=True)
def own_language() -> Iterator[None]:
    """Go back to the default language, since the middleware leaves the last one to the thread."""
    yield
    translation.deactivate()


@pytest.mark.parametrize("language", MESSAGES)
def test_an_error_is_in_the_language_of_the_request(
    site: LiveSite, settings: Settings, language: str
) -> None:
    """With Django's LocaleMiddleware, ``detail`` is translated; ``code`` and the challenge are not."""
    settings.MIDDLEWARE = ["django.middleware.locale.LocaleMiddleware", *django_settings.MIDDLEWARE]
    login = {"username": "ada", "password": "x"}
    headers = {"Accept-Language": language, "X-Authkit-Transport": "header"}
    answer = site.device().post("/auth/login/", login, headers=headers)
    assert body(answer) == {"detail": MESSAGES[language], "code": "login_failed"}
    assert answer.headers["WWW-Authenticate"].isascii()
