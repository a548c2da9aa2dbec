"""The example for a front end on another origin (``EXAMPLE_FRONT_END``)."""

from pathlib import Path

from support.demo import run

FRONT_END = "http://127.0.0.1:5173"
PREFLIGHT = f"""
from django.test import Client
asked = {{"Origin": "{FRONT_END}", "Access-Control-Request-Method": "POST",
         "Access-Control-Request-Headers": "content-type,x-authkit-transport,x-csrftoken"}}
answer = Client().options("/auth/login/", headers={{**asked, "Host": "127.0.0.1"}})
print(answer["Access-Control-Allow-Origin"], answer["Access-Control-Allow-Headers"])
"""
WITHOUT = "import sys; sys.modules['corsheaders'] = None"


def test_the_headers_of_the_client_are_allowed(tmp_path: Path) -> None:
    """Those that authkit.js sends with each login, ``X-Authkit-Transport`` among them."""
    done = run(tmp_path, "shell", "--no-imports", "-c", PREFLIGHT, EXAMPLE_FRONT_END=FRONT_END)
    assert done.returncode == 0, done.stderr
    origin, *allowed = done.stdout.replace(",", " ").split()
    assert origin == FRONT_END
    assert {"content-type", "x-authkit-transport", "x-csrftoken"} <= set(allowed)


def test_without_the_package_one_sentence_says_so(tmp_path: Path) -> None:
    """Which names what to install, and is no traceback."""
    (tmp_path / "sitecustomize.py").write_text(WITHOUT, "utf-8")
    done = run(tmp_path, "check", EXAMPLE_FRONT_END=FRONT_END, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "pip install django-cors-headers" in line
