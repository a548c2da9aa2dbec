"""Views that use Django's sessions, messages and password change, as in a project."""

import json

from django.contrib import messages
from django.contrib.auth import (
    alogin,
    alogout,
    aupdate_session_auth_hash,
    login,
    logout,
)
from django.contrib.auth import update_session_auth_hash as django_update_session_auth_hash
from django.contrib.auth.context_processors import auth
from django.contrib.auth.models import User
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import RequestContext, Template
from django.views.decorators.csrf import csrf_exempt

from django_authkit import log_in, update_session_auth_hash

midway = Signal()
"""Sent by ``cart`` after it read its session and before it writes, to cause races."""


@csrf_exempt
def cart(request: HttpRequest) -> JsonResponse:
    """Add what is posted to the session; return all of it."""
    things = request.session.get("cart", [])
    midway.send(sender=None, request=request)
    if request.method == "POST":
        request.session["cart"] = [*things, json.loads(request.body)]
    return JsonResponse({"cart": request.session.get("cart", []), "id": request.user.pk})


@csrf_exempt
def expiry(request: HttpRequest) -> JsonResponse:
    """Call ``set_expiry`` with the posted number of seconds."""
    request.session.set_expiry(json.loads(request.body))
    return JsonResponse({"age": request.session.get_expiry_age()})


@csrf_exempt
def switch(request: HttpRequest, username: str) -> HttpResponse:
    """Log in as that user with Django's ``login``, as a social login does, without a password."""
    user = User.objects.get(username=username)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return JsonResponse({"id": request.user.pk, "key": request.session.session_key})


@csrf_exempt
def leave(request: HttpRequest) -> JsonResponse:
    """Log out with Django's ``logout``."""
    logout(request)
    return JsonResponse({"id": request.user.pk})


@csrf_exempt
def there_and_back(request: HttpRequest, username: str) -> HttpResponse:
    """Log in as that user and out again."""
    switch(request, username)
    return leave(request)


@csrf_exempt
async def switch_async(request: HttpRequest, username: str) -> HttpResponse:
    """Do what ``switch`` does with Django's ``alogin``."""
    user = await User.objects.aget(username=username)
    await alogin(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return JsonResponse({"id": (await request.auser()).pk})


@csrf_exempt
async def leave_async(request: HttpRequest) -> JsonResponse:
    """Log out with Django's ``alogout``."""
    await alogout(request)
    return JsonResponse({"id": (await request.auser()).pk})


@csrf_exempt
def new_password(request: HttpRequest) -> JsonResponse:
    """Change the own password, and keep this auth session by our function."""
    request.user.set_password(json.loads(request.body))
    request.user.save()
    update_session_auth_hash(request, request.user)  # type: ignore[arg-type]
    return JsonResponse({"id": request.user.pk})


@csrf_exempt
def new_password_twice(request: HttpRequest) -> JsonResponse:
    """Change the own password twice, and keep this auth session each time."""
    for password in ("a first try", json.loads(request.body)):
        request.user.set_password(password)
        request.user.save()
        update_session_auth_hash(request, request.user)  # type: ignore[arg-type]
    return JsonResponse({"id": request.user.pk})


@csrf_exempt
def new_password_by_django(request: HttpRequest) -> JsonResponse:
    """Change the own password, and keep this auth session by Django's function."""
    request.user.set_password(json.loads(request.body))
    request.user.save()
    django_update_session_auth_hash(request, request.user)  # type: ignore[arg-type]
    return JsonResponse({"id": request.user.pk})


@csrf_exempt
def new_password_by_login(request: HttpRequest) -> JsonResponse:
    """Change the own password, and log in again with Django's ``login``."""
    user = User.objects.get(username=request.user.get_username())
    user.set_password(json.loads(request.body))
    user.save()
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return JsonResponse({"id": user.pk})


@csrf_exempt
def sign_up(request: HttpRequest) -> HttpResponse:
    """Create a user, set the password, and log in, as many serializers do."""
    return _set_password_and_log_in(request, User.objects.create(username=json.loads(request.body)))


@csrf_exempt
def reset(request: HttpRequest) -> HttpResponse:
    """Set another password of a user, and log in."""
    return _set_password_and_log_in(request, User.objects.get(username=json.loads(request.body)))


@csrf_exempt
def reset_twice(request: HttpRequest) -> HttpResponse:
    """Set another password of a user, log in, and set another again."""
    user = User.objects.get(username=json.loads(request.body))
    response = _set_password_and_log_in(request, user)
    user.set_password("the last horse battery staple")
    user.save()
    return response


def _set_password_and_log_in(request: HttpRequest, user: User) -> HttpResponse:
    user.set_password("another horse battery staple")
    user.save()
    grant = log_in(request, user)
    response = JsonResponse(grant.credentials())
    grant.attach(response)
    return response


@csrf_exempt
async def new_password_async(request: HttpRequest) -> JsonResponse:
    """Change the own password, and keep this auth session by Django's async function."""
    user = await request.auser()
    user.set_password(json.loads(request.body))
    await user.asave()  # type: ignore[union-attr]
    await aupdate_session_auth_hash(request, user)  # type: ignore[arg-type]
    return JsonResponse({"id": user.pk})


@csrf_exempt
async def flush_async(request: HttpRequest) -> JsonResponse:
    """Flush the session."""
    await request.session.aflush()
    return JsonResponse({})


@csrf_exempt
async def cycle_async(request: HttpRequest) -> JsonResponse:
    """Change the key of the session."""
    await request.session.acycle_key()
    return JsonResponse({})


@csrf_exempt
def cycle(request: HttpRequest) -> JsonResponse:
    """Change the key of the session."""
    request.session.cycle_key()
    return JsonResponse({})


@csrf_exempt
def flush(request: HttpRequest) -> JsonResponse:
    """Flush the session."""
    request.session.flush()
    return JsonResponse({})


@csrf_exempt
def forgetful_password(request: HttpRequest) -> JsonResponse:
    """Change the own password without keeping this auth session."""
    request.user.set_password(json.loads(request.body))
    request.user.save()
    return JsonResponse({"id": request.user.pk})


@csrf_exempt
def remark(request: HttpRequest) -> JsonResponse:
    """Leave a message for the next page on POST; otherwise return the messages."""
    if request.method == "POST":
        messages.info(request, "noted")
        return JsonResponse({})
    return JsonResponse({"messages": [str(message) for message in messages.get_messages(request)]})


def name_and_cart(request: HttpRequest) -> JsonResponse:
    """Return the user, and then the session data."""
    name = request.user.get_username()
    return JsonResponse({"name": name, "cart": request.session.get("cart", [])})


def template(request: HttpRequest) -> HttpResponse:
    """Render the template in the query, with Django's context processor of users."""
    context = RequestContext(request, auth(request))
    return HttpResponse(Template(request.GET["text"]).render(context))
