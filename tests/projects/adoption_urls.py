"""The site's URLs, and those that its clients used before the migration."""

from allauth.headless import urls as allauth_urls
from django.urls import include, path
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.views import LoginView as KnoxLoginView
from rest_framework.authentication import BasicAuthentication, TokenAuthentication
from rest_framework.authtoken.views import obtain_auth_token
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.views import TokenBlacklistView, TokenObtainPairView, TokenRefreshView

from projects.urls import urlpatterns as site_urls
from testapp.views import WhoAmI

urlpatterns = [
    *site_urls,
    path("old/knox/login/", KnoxLoginView.as_view(authentication_classes=[BasicAuthentication])),
    path("old/knox/", WhoAmI.as_view(authentication_classes=[KnoxAuthentication])),
    path("old/drf/login/", obtain_auth_token),
    path("old/drf/", WhoAmI.as_view(authentication_classes=[TokenAuthentication])),
    path("old/token/", TokenObtainPairView.as_view()),
    path("old/token/refresh/", TokenRefreshView.as_view()),
    path("old/token/blacklist/", TokenBlacklistView.as_view()),
    path("old/jwt/", WhoAmI.as_view(authentication_classes=[JWTAuthentication])),
    path("_allauth/", include(allauth_urls)),
]
