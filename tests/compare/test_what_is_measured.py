"""Which views are measured, and how much, where the command is not told."""

from types import SimpleNamespace
from typing import Any

import pytest
from pytest_django import Settings

from compare.made_up import JWT, PATH, SESSIONS, result
from django_authkit.compare import own_views
from django_authkit.compare.analysis.contest import Contest, contest
from django_authkit.compare.analysis.situation import Situation
from django_authkit.compare.extents import completed
from django_authkit.compare.variants import PEERS


class Site:
    """A client of a site; ``answers`` has the statuses of each path, to strangers and to who is logged in."""

    def __init__(self, answers: dict[str, tuple[int, int]], *, logged_in: bool = True) -> None:
        self.answers, self.logged_in = answers, logged_in

    def anonymous(self) -> "Site":
        """Return a client that is not logged in."""
        return Site(self.answers, logged_in=False)

    def close(self) -> None:
        """Do nothing."""

    def get(self, path: str) -> Any:
        """Return the answer."""
        status = self.answers[path][self.logged_in]
        return SimpleNamespace(status=status, refused=status in {302, 401, 403})


def test_the_projects_own_views_are_tried() -> None:
    """Those without parameters, of the API first; not those of packages, and none that may log out."""
    found = own_views.candidates()
    assert "/api/notes/" in found
    assert found.index("/api/whoami/") < found.index("/plain/whoami/")
    assert not [path for path in found if path.startswith(("/admin/", "/auth/"))]
    assert not [path for path in found if "logout" in path or "%(" in path]


def test_a_view_fits_that_lets_every_variant_in_and_no_stranger() -> None:
    """An open view, one that fails, and one that a variant cannot open are passed over; two are enough."""
    answers = {
        "/open/": (200, 200),
        "/fails/": (401, 500),
        "/first/": (401, 200),
        "/only-one/": (401, 200),
        "/page/": (302, 200),
        "/third/": (401, 200),
    }
    clients: Any = [Site(answers), Site({**answers, "/only-one/": (401, 403)})]
    assert own_views.find(answers, clients) == ["/first/", "/page/"]


def test_a_quick_run_measures_what_the_project_uses(settings: Settings) -> None:
    """Both modes on the project's store with its ``ACCESS_CHECK``; what was given stays."""
    settings.AUTHKIT = {**settings.AUTHKIT, "STORE": "redis", "ACCESS_CHECK": "none"}
    options = dict.fromkeys(("modes", "stores", "checks", "beside", "duration", "rounds", "sessions"))
    found = completed({**options, "quick": True, "thorough": False})
    assert (found["stores"], found["checks"], found["beside"]) == (["redis"], ["none"], [])
    assert completed({**options, "quick": False, "thorough": True})["beside"] == list(PEERS)
    usual = completed({**options, "quick": False, "thorough": False, "beside": []})
    assert (usual["beside"], usual["looks"]) == ([], 3)
    assert completed({**options, "quick": False, "thorough": False, "duration": 2.0})["looks"] == 1


@pytest.mark.parametrize(
    ("jwt_ms", "noise", "settled"), [(2.0, 0.005, True), (3.0, 0.005, True), (2.05, 0.2, False)]
)
def test_measuring_goes_on_until_the_main_comparison_is_settled(
    jwt_ms: float, noise: float, settled: bool
) -> None:
    """A tie within 5 % or a difference settles it; noise does not."""
    pair = [result(SESSIONS, 2.0, noise=noise), result(JWT, jwt_ms, noise=noise)]
    main = contest(pair, [PATH], Situation(store="redis"), looks=3)
    assert isinstance(main, Contest)
    assert main.is_settled is settled
