"""
The endpoints: ``path("api/", include("django_authkit.compat.simplejwt.urls"))``.

Paths and names are those of simplejwt's documentation, so there is no namespace.
"""

from django.urls import path

from django_authkit.compat.simplejwt import views

urlpatterns = [
    path("token/", views.TokenObtainPairView.as_view(), name="token_obtain_pair"),
    path("token/refresh/", views.TokenRefreshView.as_view(), name="token_refresh"),
    path("token/verify/", views.TokenVerifyView.as_view(), name="token_verify"),
    path("token/blacklist/", views.TokenBlacklistView.as_view(), name="token_blacklist"),
]
