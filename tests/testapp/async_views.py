"""Async views that use the verbs for them."""

import json

from django.contrib.auth.models import User
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from django_authkit import (
    aauthenticate,
    alog_in,
    alog_out,
    arefresh,
    arevoke,
    arevoke_all,
    arevoke_user,
    asessions_of,
    aupdate_session_auth_hash,
    averify,
)


@csrf_exempt
async def log_in(request: HttpRequest, username: str) -> JsonResponse:
    """Log the user in, without a password."""
    user = await User.objects.aget(username=username)
    grant = await alog_in(request, user, remember=True)
    response = JsonResponse(grant.credentials())
    grant.attach(response)
    return response


async def refresh(request: HttpRequest) -> JsonResponse:
    """Renew what the request presents."""
    token = json.loads(request.body)["refresh"] if request.body else None
    grant = await arefresh(request, token=token)
    response = JsonResponse(grant.credentials())
    grant.attach(response)
    return response


async def log_out(request: HttpRequest) -> JsonResponse:
    """Log out."""
    await alog_out(request)
    return JsonResponse({"id": request.user.pk})


async def anonymous(request: HttpRequest) -> JsonResponse:
    """Answer without looking at the request."""
    return JsonResponse({})


async def who(request: HttpRequest) -> JsonResponse:
    """Return who the request is from, without reading a row."""
    known = await aauthenticate(request)
    return JsonResponse({"id": None if known is None else known.user.pk})


async def sids(request: HttpRequest) -> JsonResponse:
    """Return the auth sessions of the user."""
    user = await request.auser()
    assert isinstance(user, User)
    return JsonResponse({"sids": [each.sid for each in await asessions_of(user)]})


async def revoke(request: HttpRequest, what: str) -> JsonResponse:
    """Revoke the own auth session, those of the user, or all."""
    known = await aauthenticate(request)
    assert known is not None
    if what == "one":
        await arevoke(known.sid)
    elif what == "user":
        await arevoke_user(known.user)
    else:
        await arevoke_all()
    return JsonResponse({})


async def verify(request: HttpRequest) -> JsonResponse:
    """Return what a token says."""
    return JsonResponse(await averify(json.loads(request.body)["token"]))


async def new_password(request: HttpRequest) -> JsonResponse:
    """Change the user's password, and keep this login."""
    user = await request.auser()
    assert isinstance(user, User)
    user.set_password("another one, which is as long")
    await user.asave()
    await aupdate_session_auth_hash(request, user)
    return JsonResponse({})


async def visits(request: HttpRequest) -> JsonResponse:
    """Count in the session."""
    number = await request.session.aget("visits", 0) + 1
    await request.session.aset("visits", number)
    return JsonResponse({"visits": number})
