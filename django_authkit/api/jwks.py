"""``GET .well-known/jwks.json``: the public halves of the signing keys, for verifiers of our tokens."""

import json
from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from django_authkit.tokens.keys.jwk import public_set
from django_authkit.wiring import get_key_ring

MAX_AGE = timedelta(minutes=5)
"""How long verifiers may cache the set. A new key is published for longer before it signs."""


class KeySetView(View):
    """
    The JWK Set, public and cacheable; ``{"keys": []}`` while tokens are signed with a secret.

    A plain Django view: it reads no credentials, sets no cookie, and is the same for every client.
    """

    http_method_names = ("get", "head", "options")

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """Return the view, exempt from ``ATOMIC_REQUESTS`` (it uses no database) and from any login."""
        view = csrf_exempt(super().as_view(**initkwargs))  # a POST is 405, and no CSRF cookie is set
        view = login_not_required(view)
        for alias in connections:
            view = transaction.non_atomic_requests(using=alias)(view)
        return view

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return the set with the media type of RFC 7517, section 8.5.2."""
        answer = HttpResponse(json.dumps(public_set(get_key_ring())), content_type="application/jwk-set+json")
        answer["Cache-Control"] = f"public, max-age={MAX_AGE // timedelta(seconds=1)}"
        return answer
