"""Finds views of the project to measure: without parameters, for those who are logged in only."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from django.urls import Resolver404, URLResolver, get_resolver, resolve

from django_authkit.compare.http_client import Client

MOST = 2
"""How many views are measured."""
_MOST_TRIED = 60
_EXTERNAL = (
    "django.",
    "django_authkit.",
    "rest_framework",
    "allauth.",
    "knox.",
    "oauth2_provider.",
    "debug_",
)
"""Beginnings of the modules of views that are not the project's own."""
_ACTS = ("logout", "log-out", "signout", "sign-out", "delete", "disconnect")
"""Parts of paths that may act although they are asked by ``GET``."""


def candidates() -> list[str]:
    """Return the paths of the project's own views that need no parameter, those of its API first."""
    found = [f"/{path}" for path in _paths(get_resolver(), "")]
    own = [path for path in reversed(found) if _is_own(path)]  # a resolver lists the last view first
    return sorted(dict.fromkeys(own), key=lambda path: not hasattr(resolve(path).func, "cls"))


def _paths(resolver: URLResolver, prefix: str) -> Iterator[str]:
    for view in resolver.reverse_dict:
        for possibilities, *_ in resolver.reverse_dict.getlist(view):
            yield from (
                prefix + path.replace("%%", "%") for path, parameters in possibilities if not parameters
            )
    for inner, nested in resolver.namespace_dict.values():
        if "%(" not in inner:
            yield from _paths(nested, prefix + inner)


def _is_own(path: str) -> bool:
    if any(each in path.lower() for each in _ACTS):
        return False
    try:
        view = resolve(path).func
    except Resolver404:
        return False
    return not str(getattr(view, "__module__", "")).startswith(_EXTERNAL)


def find(paths: Iterable[str], clients: Sequence[Client]) -> list[str]:
    """Return the first of *paths* that answer 200 to all *clients*, and require a login."""
    anonymous = clients[-1].anonymous()
    fitting = (path for path in islice(paths, _MOST_TRIED) if _fits(path, clients, anonymous))
    found = list(islice(fitting, MOST))
    anonymous.close()
    return found


def _fits(path: str, clients: Sequence[Client], anonymous: Client) -> bool:
    return anonymous.get(path).refused and all(each.get(path).status == 200 for each in clients)
