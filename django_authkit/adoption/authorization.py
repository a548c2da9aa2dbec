"""The ``Authorization`` header of packages with a scheme of their own."""

from django.http import HttpRequest

from django_authkit.errors import TokenMalformed


def credentials_of(request: HttpRequest, scheme: str) -> str | None:
    """
    Return what follows *scheme*, which is compared without case; ``None`` if it is another one.

    Raises:
        TokenMalformed: Not exactly one token follows.
    """
    given, *rest = request.META.get("HTTP_AUTHORIZATION", "").split() or [""]
    if given.lower() != scheme.lower():
        return None
    if len(rest) != 1:
        raise TokenMalformed
    token: str = rest[0]
    return token
