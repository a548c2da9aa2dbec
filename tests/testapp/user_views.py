"""Views that need different parts of the user, and the site's URLs with them."""

from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.auth.decorators import login_required, user_passes_test
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import include, path
from django.views.decorators.http import require_GET
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class Key(APIView):
    """Needs only the credential."""

    def get(self, request: Request) -> Response:
        """Return the primary key."""
        user: Any = request.user
        entries = LogEntry.objects.filter(user=user)
        return Response({"id": request.user.pk, "sql": str(entries.query)[:6]})


class PrimaryKey(APIView):
    """Needs only the primary key."""

    def get(self, request: Request) -> Response:
        """Return the primary key."""
        return Response({"id": request.user.pk})


class Name(APIView):
    """Needs the row."""

    def get(self, request: Request) -> Response:
        """Return the name."""
        return Response({"name": request.user.get_username()})


class Staff(APIView):
    """Is for staff."""

    permission_classes = (IsAdminUser,)

    def get(self, request: Request) -> Response:
        """Return nothing."""
        return Response({})


@require_GET
@login_required
def key(request: HttpRequest) -> JsonResponse:
    """Return the primary key."""
    return JsonResponse({"id": request.user.pk, "id too": request.user.id})


@require_GET
def name(request: HttpRequest) -> JsonResponse:
    """Return the name."""
    return JsonResponse({"name": request.user.get_username()})


@require_GET
async def name_async(request: HttpRequest) -> JsonResponse:
    """Return the name."""
    user = await request.auser()
    return JsonResponse({"name": user.get_username()})


@require_GET
async def key_async(request: HttpRequest) -> JsonResponse:
    """Return the primary key."""
    user = await request.auser()
    return JsonResponse({"id": user.pk})


def _template(text: str) -> Any:
    return engines["django"].from_string(text)


@require_GET
def key_page(request: HttpRequest) -> HttpResponse:
    """Render the user from the credential."""
    page = "{% if user.is_authenticated and user.is_active %}{{ user.pk }} {{ request.user.id }}{% endif %}"
    return HttpResponse(_template(page).render({}, request))


@require_GET
def name_page(request: HttpRequest) -> HttpResponse:
    """Render the name, in the view."""
    return HttpResponse(_template("{{ user.username }}").render({}, request))


@require_GET
def name_page_later(request: HttpRequest) -> TemplateResponse:
    """Render the name, after the view."""
    return TemplateResponse(request, _template("{{ user.username }}"))


@require_GET
@user_passes_test(lambda user: user.is_staff)
def staff(request: HttpRequest) -> HttpResponse:
    """Is for staff."""
    return HttpResponse("staff")


KEY_VIEWS = ["/drf/key/", "/key/", "/page/key/"]
NAME_VIEWS = [
    "/drf/name/",
    "/drf/staff/",
    "/name/",
    "/async/name/",
    "/page/name/",
    "/page/name-later/",
    "/staff/",
]

urlpatterns = [
    path("", include("projects.urls")),
    path("drf/key/", Key.as_view()),
    path("drf/primary-key/", PrimaryKey.as_view()),
    path("drf/name/", Name.as_view()),
    path("drf/staff/", Staff.as_view()),
    path("key/", key),
    path("name/", name),
    path("async/key/", key_async),
    path("async/name/", name_async),
    path("page/key/", key_page),
    path("page/name/", name_page),
    path("page/name-later/", name_page_later),
    path("staff/", staff),
]
