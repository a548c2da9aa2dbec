"""
Middleware that makes one variant of a comparison faulty, and one that keeps Django's query log.

``INJECT_DELAY`` and ``INJECT_LOST_REVOCATION`` name the variant; ``QUERY_LOG`` names a file that gets, for
each request, how many statements Django logged.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test.utils import CaptureQueriesContext

_TRANSACTION = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


class Injecting:
    """Makes the given variant faulty."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        here = os.environ.get("AUTHKIT_COMPARE_VARIANT", "")
        self._slow = bool(here) and os.environ.get("INJECT_DELAY") == here
        self._forgets = bool(here) and os.environ.get("INJECT_LOST_REVOCATION") == here
        self._log = os.environ.get("QUERY_LOG")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return the response, late or wrong where required."""
        if self._slow:
            time.sleep(0.002)
        if self._forgets and request.path.endswith("/logout/"):
            return JsonResponse({}, status=204)
        if self._log is None:
            return self._get_response(request)
        with CaptureQueriesContext(connection) as captured:
            answer = self._get_response(request)
        statements = [each["sql"] for each in captured.captured_queries]
        counted = sum(not sql.upper().startswith(_TRANSACTION) for sql in statements)
        with Path(self._log).open("a") as file:
            file.write(f"{counted}\n")
        return answer
