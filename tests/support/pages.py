"""Opening pages as a browser does, with the headers that no script can set."""

from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpResponse

from support.client import ACCESS_COOKIE, CSRF_COOKIE, REFRESH_COOKIE, Device, body

TOKENS: Final = {ACCESS_COOKIE, REFRESH_COOKIE}
TAB: Final = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
"""The headers of a browser that opens a page in a tab: by address, bookmark, or restored tab."""
LINKED: Final = TAB | {"Sec-Fetch-Site": "cross-site"}
"""By a link on a page of another site."""
OLD_BROWSER: Final = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
"""Over plain HTTP, or by a browser without Fetch Metadata."""
SUBMITTED: Final = TAB | {"Sec-Fetch-Site": "same-origin", "Origin": "https://testserver"}
"""A form on a page of ours."""

PAGE: Final = "/plain/whoami/"


def opened(device: Device, path: str = PAGE, **headers: str) -> HttpResponse:
    """Open a page in a tab of the browser; *headers* are added, with ``_`` for ``-``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return device.send("GET", path, headers=TAB | named)


def submit(device: Device, path: str, headers: dict[str, str] = SUBMITTED, **fields: str) -> HttpResponse:
    """Submit a form in the browser, with the token that goes with its CSRF cookie."""
    return device.send(
        "POST",
        path,
        urlencode({"csrfmiddlewaretoken": device.cookies[CSRF_COOKIE], **fields}).encode(),
        headers=headers,
        content_type="application/x-www-form-urlencoded",
    )


def user_of(answer: HttpResponse) -> Any:
    """Return the id of the user of ``PAGE``; ``None`` for an anonymous one."""
    assert answer.status_code == 200, answer.content
    return body(answer)["id"]
