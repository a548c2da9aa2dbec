"""The example with packages that a site may add (``EXAMPLE_WITH``)."""

from pathlib import Path

import pytest

from support.demo import run

pytest.importorskip("allauth", reason="django-allauth comes with the extra test")
pytest.importorskip("ninja", reason="django-ninja comes with the extra test")

SIGN_UP = """
from django.contrib.auth.models import User
from django.test import Client
client, host = Client(), {"Host": "127.0.0.1"}
def post(path, **data):
    response = client.post(path, data, headers=host)
    return response.status_code
def get(path):
    response = client.get(path, headers=host)
    return response.status_code, response.json()
print(get("/ninja/me")[0])
print(post("/members/signup/", username="mary", password1="an-astronomer's", password2="an-astronomer's"))
status, me = get("/ninja/me")
print(status, me["user"], me["mode"], me["sid"] == get("/auth/session/")[1]["session"]["sid"])
print(post("/api/notes/", title="Look up"), get("/ninja/notes")[1][0]["title"])
print(post("/members/logout/"), get("/ninja/me")[0])
"""


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["jwt", "session"])
def test_a_sign_up_by_allauth_opens_the_apis_of_drf_and_ninja(tmp_path: Path, mode: str) -> None:
    """And its logout closes them."""
    commands = (("migrate", "--verbosity=0"), ("shell", "--no-imports", "-c", SIGN_UP))
    for each in commands:
        done = run(tmp_path, *each, EXAMPLE_WITH="allauth,ninja", EXAMPLE_MODE=mode)
        assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["401", "302", f"200 mary {mode} True", "201 Look up", "302 401"]


@pytest.mark.parametrize(("packages", "said"), [("nnja", "there is no 'nnja'"), ("ninja", "pip install")])
def test_a_package_that_is_not_there_is_one_sentence(tmp_path: Path, packages: str, said: str) -> None:
    """Of a wrong name, the names that there are; of one that is not installed, how to install it."""
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['ninja'] = None", "utf-8")
    done = run(tmp_path, "check", EXAMPLE_WITH=packages, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert said in line
