"""DRF views, as the documentation writes them."""

from datetime import timedelta

from django.contrib.auth.models import User
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_authkit import Authentication, Grant, log_in, log_out
from django_authkit.authentication import AuthKitAuthentication, JWTAuthentication
from django_authkit.permissions import IsAuthenticated, RecentlyAuthenticated
from django_authkit.types import Transport


class Account(APIView):
    """Requires a login of the last two minutes; only the owner may look."""

    authentication_classes = [AuthKitAuthentication]
    permission_classes = [RecentlyAuthenticated(max_age=timedelta(minutes=2))]

    def get(self, request: Request) -> Response:
        """Return what ``request.auth`` knows."""
        known = request.auth
        assert isinstance(known, Authentication)
        return Response({"sid": known.sid, "since": known.authenticated_at, "mode": known.mode})


class Combined(APIView):
    """Combines permissions, with classes and with an instance."""

    authentication_classes = [JWTAuthentication]
    permission_classes = [IsAuthenticated & RecentlyAuthenticated(timedelta(hours=1))]


class Plain(APIView):
    """Uses the class itself."""

    permission_classes = [RecentlyAuthenticated]


class LogIn(APIView):
    """A login of the project's own."""

    authentication_classes = []
    permission_classes = [AllowAny]

    def post(self, request: Request) -> Response:
        """Log in the user that the project found."""
        user = User.objects.get(username=request.query_params["username"])
        grant: Grant = log_in(request, user, transport=Transport.HEADER, amr=["otp"])
        response = Response(grant.credentials())
        grant.attach(response)
        return response


class LogOut(APIView):
    """A logout of the project's own."""

    def post(self, request: Request) -> Response:
        """Log out."""
        log_out(request)
        return Response(status=204)
