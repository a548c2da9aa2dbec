"""drf-yasg describes the bearer credential, with the settings that the documentation prints."""

import ast
import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.urls import include, path

from support.live_site import LiveSite, by_header, in_session_mode

generators = pytest.importorskip("drf_yasg.generators", reason="drf-yasg comes with the extra test")
openapi = pytest.importorskip("drf_yasg.openapi")
GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "openapi.md"
urlpatterns = [path("", include("projects.integrations_urls"))]


@by_header
@in_session_mode
@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
def test_its_schema_names_the_header_that_opens_the_api(site: LiveSite, ada: User) -> None:
    """Each operation needs it, and a request with what the guide says is from the user."""
    printed = re.search(r"SWAGGER_SETTINGS = (\{.*?\n\})", GUIDE.read_text("utf-8"), re.DOTALL)
    assert printed
    site.settings.SWAGGER_SETTINGS = ast.literal_eval(printed[1])
    info = openapi.Info(title="Shop", default_version="1")
    schema = generators.OpenAPISchemaGenerator(info, patterns=urlpatterns).get_schema(None, public=True)
    (name,) = schema["securityDefinitions"]
    assert schema["security"] == [{name: []}]
    assert "/auth/login/" in schema["paths"]

    scheme = schema["securityDefinitions"][name]
    assert (scheme["type"], scheme["in"]) == ("apiKey", "header")
    app = site.logged_in("ada")
    credential, app.access = f"{name} {app.access}", ""
    assert app.send("GET", "/api/whoami/", headers={scheme["name"]: credential}).status_code == 200
