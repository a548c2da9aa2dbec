"""What is said of a variant that cannot log in, or that does not open the paths."""

from contextlib import nullcontext
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest

from django_authkit.compare.analysis.findings import FAULT, REMARK, findings
from django_authkit.compare.errors import CannotCompare
from django_authkit.compare.http_client import WHO_AM_I
from django_authkit.compare.measurements import Requests, Samples
from django_authkit.compare.preflight import look
from django_authkit.compare.run import _with_paths
from django_authkit.compare.variants import AUTHKIT, KNOX, Variant

OURS = Variant(kind=AUTHKIT, mode="session", store="database")
KNOX_VARIANT = Variant(kind=KNOX, store="database")


def answer(status: int) -> Any:
    """Return a response as the client sees it."""
    return SimpleNamespace(
        status=status, fine=status == 200, refused=status in {401, 403}, body=b'{"detail": "no"}'
    )


def looked_at(variant: Variant, *, log_in: int = 200, page: int = 200) -> str:
    """Look at a variant that responds with these statuses."""
    client = SimpleNamespace(prepare=lambda: None, log_in=lambda: answer(log_in), get=lambda _: answer(page))
    served = SimpleNamespace(config=SimpleNamespace(variant=variant), complaint=lambda: "ValueError: no")
    return look(served, client, ["/notes/"])  # type: ignore[arg-type]


def test_another_package_is_left_out_with_the_reason() -> None:
    """What the project does not let in by another package is no reason to stop."""
    assert looked_at(KNOX_VARIANT) == ""
    assert looked_at(KNOX_VARIANT, page=401) == "/notes/ answers 401 to who is logged in by it."
    assert looked_at(KNOX_VARIANT, log_in=0) == 'A login is answered nothing ({"detail": "no"}).'
    assert looked_at(KNOX_VARIANT, log_in=500) == "A login is answered 500 (ValueError: no)."


@pytest.mark.parametrize(
    ("statuses", "sentence"),
    [
        ({"log_in": 403}, r'A login is answered 403 \(.*\) in "Sessions in the database"\.'),
        ({"page": 302}, r"/notes/ answers 302 to a user who is logged in; name a path that answers 200\."),
    ],
    ids=["login", "path"],
)
def test_a_variant_of_ours_stops_the_comparison(statuses: dict[str, int], sentence: str) -> None:
    """A login or a path that fails with this package is said at once."""
    with pytest.raises(CannotCompare, match=sentence):
        looked_at(OURS, **statuses)


@dataclass
class Stage:
    """What the search for views needs: the client of each variant."""

    log_in: int
    paths: tuple[str, ...] = ()

    def client(self, served: Any) -> Any:
        """Return a client whose login is answered so."""
        return SimpleNamespace(
            variant=served.config.variant,
            prepare=lambda: None,
            log_in=lambda: answer(self.log_in),
            get=lambda _: answer(404),
            close=lambda: None,
            anonymous=lambda: self.client(served),
        )


@pytest.mark.parametrize(("status", "notes"), [(200, 1), (503, 0)])
def test_only_a_search_that_was_made_is_told_of(status: int, notes: int) -> None:
    """After a login that failed nothing is said of views, because none was looked for."""
    told: list[str] = []
    display: Any = SimpleNamespace(phase=lambda *_: nullcontext(lambda: None), note=told.append)
    served: Any = [
        SimpleNamespace(config=SimpleNamespace(variant=each)) for each in (OURS, replace(OURS, mode="jwt"))
    ]
    stage: Any = Stage(log_in=status)
    assert _with_paths(stage, served, display).paths == (WHO_AM_I,)
    assert len(told) == notes


def test_failures_are_a_fault_of_ours_and_a_remark_on_others() -> None:
    """Requests that failed, and a variant that was left out, are among the findings; faults are first."""
    failed = [Samples(each, paths={"/": Requests(failures=2)}) for each in (KNOX_VARIANT, OURS)]
    found = findings([*failed, Samples(KNOX_VARIANT, left_out="no table.")], [])
    assert [each.kind for each in found] == [FAULT, REMARK, REMARK]
    assert found[0].text == '"Sessions in the database": 2 requests were not answered with success.'
    assert found[2].text == '"knox" was left out: no table.'
