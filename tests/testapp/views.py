"""Views of a project, independent of how its users are kept logged in."""

import json
from datetime import timedelta

from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.views import View
from django.views.decorators.http import require_GET, require_POST
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_authkit import log_in
from django_authkit.decorators import device_bound_required, recent_auth_required
from django_authkit.permissions import DeviceBound, IsAuthenticated, RecentlyAuthenticated


class WhoAmI(APIView):
    """Returns the current user."""

    def get(self, request: Request) -> Response:
        """Return the user's id and name."""
        return Response({"id": request.user.pk, "username": request.user.get_username()})


class Notes(APIView):
    """Accepts a note."""

    def post(self, request: Request) -> Response:
        """Return the note that was sent, and its owner."""
        return Response({"owner": request.user.pk, "note": request.data}, status=201)


class Rename(APIView):
    """Changes something visible in the database."""

    def post(self, request: Request) -> Response:
        """Give the user another first name."""
        User.objects.filter(username=request.user.get_username()).update(first_name="Renamed")
        return Response(status=201)


class Open(APIView):
    """Is public."""

    permission_classes = (AllowAny,)

    def get(self, request: Request) -> Response:
        """Return the user's id, or ``None`` for an anonymous user."""
        return Response({"id": request.user.pk})


class Vault(APIView):
    """Requires recent authentication."""

    permission_classes = (RecentlyAuthenticated,)

    def get(self, request: Request) -> Response:
        """Return the user's id."""
        return Response({"id": request.user.pk})


class StrictVault(Vault):
    """Requires more recent authentication than the setting."""

    permission_classes = (IsAuthenticated & RecentlyAuthenticated(max_age=timedelta(minutes=1)),)  # type: ignore[assignment]


@recent_auth_required()
def vault(request: HttpRequest) -> JsonResponse:
    """Return the user's id after recent authentication."""
    return JsonResponse({"id": request.user.pk})


@recent_auth_required(max_age=timedelta(minutes=1))
def strict_vault(request: HttpRequest) -> JsonResponse:
    """Require more recent authentication than the setting."""
    return JsonResponse({"id": request.user.pk})


@recent_auth_required()
async def vault_async(request: HttpRequest) -> JsonResponse:
    """Return the user's id after recent authentication."""
    return JsonResponse({"id": (await request.auser()).pk})


class VaultAsync(View):
    """The same as a class."""

    async def get(self, request: HttpRequest) -> JsonResponse:
        """Return the user's id."""
        return JsonResponse({"id": (await request.auser()).pk})


@require_GET
def whoami(request: HttpRequest) -> JsonResponse:
    """Return the user's id, or ``None`` for an anonymous user."""
    return JsonResponse({"id": request.user.pk})


async def whoami_async(request: HttpRequest) -> JsonResponse:
    """Return the user's id, or ``None`` for an anonymous user."""
    user = await request.auser()
    return JsonResponse({"id": user.pk})


async def whoami_in_loop(request: HttpRequest) -> JsonResponse:
    """Return the user's id as ``request.user`` has it, which is awaited first if the query says so."""
    if "awaited" in request.GET:
        await request.auser()
    return JsonResponse({"id": request.user.pk})


@require_POST
def notes(request: HttpRequest) -> JsonResponse:
    """Return the note that was sent, and its owner."""
    text = request.POST.get("text")  # of a form
    note = json.loads(request.body) if text is None else {"text": text}
    return JsonResponse({"owner": request.user.pk, "note": note}, status=201)


async def notes_async(request: HttpRequest) -> JsonResponse:
    """Return the note that was sent, and its owner."""
    user = await request.auser()
    return JsonResponse({"owner": user.pk, "note": json.loads(request.body)}, status=201)


@require_GET
def visits(request: HttpRequest) -> JsonResponse:
    """Count the visits of this browser in its Django session."""
    request.session["visits"] = request.session.get("visits", 0) + 1
    return JsonResponse({"visits": request.session["visits"], "id": request.user.pk})


@require_POST
def django_login(request: HttpRequest) -> HttpResponse:
    """Log in as Django's own views do."""
    user = authenticate(request, username=request.POST["username"], password=request.POST["password"])
    if user is None:
        return HttpResponse(status=400)
    login(request, user)
    return HttpResponse(status=204)


@require_POST
def own_log_in(request: HttpRequest) -> JsonResponse:
    """Log in without a password."""
    grant = log_in(request, User.objects.get(username=request.headers["X-Passkey"]))
    return grant.attach(JsonResponse(grant.credentials()))


@require_GET
def csrf_token(request: HttpRequest) -> JsonResponse:
    """Return the CSRF token to a front end that cannot read the cookie."""
    return JsonResponse({"csrf_token": get_token(request)})


@require_POST
def django_logout(request: HttpRequest) -> HttpResponse:
    """Log out as Django's own views do."""
    logout(request)
    return HttpResponse(status=204)


@device_bound_required
def bound(request: HttpRequest) -> HttpResponse:
    """Require a login that is bound to its device."""
    return HttpResponse(request.user.get_username())


class Bound(APIView):
    """Requires a login that is bound to its device."""

    permission_classes = (DeviceBound,)

    def get(self, request: Request) -> Response:
        """Return the username."""
        return Response({"username": request.user.get_username()})
