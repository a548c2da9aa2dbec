"""The example's Content-Security-Policy allows what the pages of other packages need, and no more."""

import inspect
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from runpy import run_path

from rest_framework.templatetags.rest_framework import optional_logout

FILE = Path(__file__).parents[2] / "example_project" / "site_config" / "content_policy.py"


def test_the_browsable_apis_link_logs_out() -> None:
    """The policy has the hash of that link's event handler, as DRF writes it, on those pages alone."""
    (handler,) = re.findall(r"onclick='(.+?)'", inspect.getsource(optional_logout))
    allowed = f"'sha256-{b64encode(sha256(handler.encode()).digest()).decode()}'"
    policies = run_path(str(FILE))
    assert allowed in policies["BROWSABLE"]
    assert "unsafe" not in policies["POLICY"]
