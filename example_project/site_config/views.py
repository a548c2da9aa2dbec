"""
Django's login page with django-authkit, for browsers without JavaScript and for the admin, and an async view.

It does not know the mode: ``log_in`` starts whatever kind of auth session the project is set to.
"""

from django.contrib.auth import views as auth_views
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from django_authkit import aauthenticate, log_in, log_out


class LoginView(auth_views.LoginView):
    """Django's login form; what it starts is an auth session of the project's mode, in cookies."""

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Log in whom the form has authenticated. The claim stays with the login, and is in its tokens."""
        grant = log_in(self.request, form.get_user(), claims={"via": "form"})
        response = HttpResponseRedirect(self.get_success_url())
        grant.attach(response)
        return response


@require_POST
def log_out_page(request: HttpRequest) -> HttpResponse:
    """End the auth session of this browser; the middleware clears its cookies."""
    log_out(request)
    return redirect("index")


async def who_am_i(request: HttpRequest) -> HttpResponse:
    """Return who the request is from. Under ASGI, nothing here waits in a thread for the store."""
    known = await aauthenticate(request)
    if known is None:
        return JsonResponse({"user": None}, status=401)
    user = await request.auser()
    return JsonResponse({"user": user.get_username(), "sid": known.sid, "claims": dict(known.claims)})
