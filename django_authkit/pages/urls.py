"""The device pages: ``path("account/devices/", include("django_authkit.pages.urls"))``."""

from django.urls import path

from django_authkit.pages import views

app_name = "authkit_devices"

urlpatterns = [
    path("", views.DevicesPage.as_view(), name="list"),
    path("rename/", views.RenamePage.as_view(), name="rename"),
    path("reauthenticate/", views.ReauthenticatePage.as_view(), name="reauthenticate"),
]
