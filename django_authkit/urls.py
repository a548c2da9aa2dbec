"""The endpoints: ``path("auth/", include("django_authkit.urls"))``."""

from django.urls import path

from django_authkit.api import bound, jwks, views
from django_authkit.conf.installed import require_app

require_app()  # here, so that ``manage.py check`` finds it: no check of ours runs then

app_name = "authkit"

urlpatterns = [
    path("login/", views.LoginView.as_view(), name="login"),
    path("login/step/", views.LoginStepView.as_view(), name="login-step"),
    path("refresh/", views.RefreshView.as_view(), name="refresh"),
    path("adopt/", views.AdoptView.as_view(), name="adopt"),
    path("logout/", views.LogoutView.as_view(), name="logout"),
    path("session/", views.SessionView.as_view(), name="session"),
    path("sessions/", views.DevicesView.as_view(), name="sessions"),
    path("sessions/<str:sid>/", views.DeviceView.as_view(), name="session-detail"),
    path("reauthenticate/", views.ReauthenticateView.as_view(), name="reauthenticate"),
    path("ticket/", views.TicketView.as_view(), name="ticket"),
    path("verify/", views.VerifyView.as_view(), name="verify"),
    path("bound/register/", bound.RegisterView.as_view(), name="bound-register"),
    path("bound/refresh/", bound.BoundRefreshView.as_view(), name="bound-refresh"),
    path(".well-known/jwks.json", jwks.KeySetView.as_view(), name="jwks"),
]
