"""Checks before measuring: the settings, and each path both anonymous and logged in."""

import re
from collections.abc import Iterable

from django.conf import settings

from django_authkit.compare.errors import CannotCompare
from django_authkit.compare.http_client import NO_ANSWER, Answer, Client
from django_authkit.compare.processes import Served
from django_authkit.compare.variants import AUTHKIT, BASELINE, Variant

_KEY_REFUSED = re.compile(
    "[Nn]o permissions to access (a key|one of the keys)|can't access .* one of the keys"
)
_LOCAL = {"localhost", ".localhost", "127.0.0.1", "[::1]", "testserver"}


def refuse_production() -> None:
    """
    Check that the settings are not those of a production site.

    Raises:
        CannotCompare: ``DEBUG`` is off and ``ALLOWED_HOSTS`` has more than this machine.
    """
    others = [host for host in settings.ALLOWED_HOSTS if host not in _LOCAL]
    if not settings.DEBUG and others:
        message = (
            f"These look like settings of production: DEBUG is off and ALLOWED_HOSTS has {others[0]!r}. "
            "The command loads this machine and its servers; say --even-in-production if that is wanted."
        )
        raise CannotCompare(message)


def other_work(load: float, cores: int) -> str:
    """Return a note if the machine's *load* before the run leaves no core idle, or nothing."""
    if load < cores:
        return ""
    return (
        f"The machine was busy with other work when this began (load {load:.1f} on {cores} cores), so the "
        "intervals are wider than on a quiet one."
    )


def refuse_odd_paths(paths: Iterable[str]) -> None:
    """
    Check that each path is valid.

    Raises:
        CannotCompare: It does not begin with a slash, or has characters that a request line cannot have.
    """
    for path in paths:
        if not path.startswith("/") or not path.isascii() or not path.isprintable() or " " in path:
            message = f"{path!r} is no path: it begins with a slash, has no blanks, and is percent-encoded."
            raise CannotCompare(message)


def look(served: Served, client: Client, paths: Iterable[str]) -> str:
    """
    Try every path of a variant; return why the variant has to be left out, or nothing.

    Raises:
        CannotCompare: The fault is the path's, or login fails with one of our variants.
    """
    variant = served.config.variant
    if variant.logs_in:
        client.prepare()
        answer = client.log_in()
        if not answer.fine:
            return _blamed(variant, f"A login is answered {_told(answer)} ({_reason(served, answer)}).")
    for path in paths:
        answer = client.get(path)
        if answer.fine:
            if variant.kind == AUTHKIT:
                _see_that_a_login_is_required(client, path)
            continue
        if variant.kind in {AUTHKIT, BASELINE}:
            raise CannotCompare(_path_problem(served, path, answer))
        return f"{path} answers {_told(answer)} to who is logged in by it."
    return ""


def _see_that_a_login_is_required(client: Client, path: str) -> None:
    anonymous = client.anonymous()
    answer = anonymous.get(path)
    anonymous.close()
    if not answer.refused:
        message = f"{path} needs no login: without one it answers {_told(answer)}. Name a path that does."
        raise CannotCompare(message)


def _path_problem(served: Served, path: str, answer: Answer) -> str:
    if answer.status == 404:
        return f"The project has nothing at {path}: it answers 404."
    if answer.status >= 500 or answer.status == NO_ANSWER:
        return f"{path} answers {_told(answer)} ({with_remedy(served.complaint())})."
    return f"{path} answers {_told(answer)} to a user who is logged in; name a path that answers 200."


def _blamed(variant: Variant, sentence: str) -> str:
    if variant.kind == AUTHKIT:
        raise CannotCompare(f'{sentence[:-1]} in "{variant.name}".')
    return sentence


def _reason(served: Served, answer: Answer) -> str:
    if answer.status < 500:
        return answer.body[:120].decode(errors="replace")
    return with_remedy(served.complaint())


def with_remedy(complaint: str) -> str:
    """Return what a worker complained of; if Redis refused it a key, with the rule that its user needs."""
    if not _KEY_REFUSED.search(complaint):
        return complaint
    return f"{complaint}; let the user of the server use the keys of the run: ~authkit-compare-*"


def _told(answer: Answer) -> str:
    return str(answer.status) if answer.status else "nothing"
