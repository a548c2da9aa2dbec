"""The same URLs twice: simplejwt's views as in its documentation, and ours."""

from typing import Any

from django.urls import include, path
from rest_framework_simplejwt.authentication import JWTAuthentication as TheirAuthentication
from rest_framework_simplejwt.views import (
    TokenBlacklistView,
    TokenObtainPairView,
    TokenRefreshView,
    TokenVerifyView,
)

from django_authkit.compat.simplejwt.authentication import JWTAuthentication as OurAuthentication
from testapp.views import WhoAmI

theirs: list[Any] = [
    path("token/", TokenObtainPairView.as_view(), name="token_obtain_pair"),
    path("token/refresh/", TokenRefreshView.as_view(), name="token_refresh"),
    path("token/verify/", TokenVerifyView.as_view(), name="token_verify"),
    path("token/blacklist/", TokenBlacklistView.as_view(), name="token_blacklist"),
    path("whoami/", WhoAmI.as_view(authentication_classes=[TheirAuthentication])),
]
ours: list[Any] = [
    path("", include("django_authkit.compat.simplejwt.urls")),
    path("whoami/", WhoAmI.as_view(authentication_classes=[OurAuthentication])),
]
urlpatterns = [path("theirs/", include(theirs)), path("ours/", include(ours))]
