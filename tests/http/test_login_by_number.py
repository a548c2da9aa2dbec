"""A user model whose ``USERNAME_FIELD`` is a number."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from support.client import PASSWORD
from support.live_site import LiveSite, by_header

pytestmark = [by_header, pytest.mark.parametrize("where", ["sqlite", "postgresql"], indirect=True)]


@pytest.fixture(autouse=True)
def _by_number(monkeypatch: pytest.MonkeyPatch, ada: User) -> None:
    monkeypatch.setattr(User, "USERNAME_FIELD", "id")


@pytest.mark.parametrize("form", [int, str])
def test_a_number_is_accepted_as_json_number_and_as_text(site: LiveSite, ada: User, form: Any) -> None:
    """Clients may send either."""
    answer = site.device().log_in_with({"id": form(ada.pk), "password": PASSWORD})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("name", "status"), [("junk", 401), ("9" * 30, 401), ("", 400), (True, 400), (1.5, 400), (None, 400)]
)
def test_another_value_is_refused(site: LiveSite, ada: User, name: Any, status: int) -> None:
    """A username that is not a number is a failed login, not a server error, in simplejwt's view, too."""
    assert site.device().log_in_with({"id": name, "password": PASSWORD}).status_code == status
    assert site.device().post("/compat/token/", {"id": name, "password": PASSWORD}).status_code in {400, 401}
