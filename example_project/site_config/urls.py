"""The site's addresses."""

from django.apps import apps
from django.contrib import admin
from django.urls import include, path
from rest_framework.routers import DefaultRouter

from notes.views import NoteViewSet
from showcase.views import page
from site_config import views

router = DefaultRouter()
router.register("notes", NoteViewSet, basename="note")

accounts = [
    path("login/", views.LoginView.as_view(), name="login"),
    path("logout/", views.log_out_page, name="logout"),
]

urlpatterns = [
    path("", page, name="index"),
    path("showcase/", include("showcase.urls")),
    path("auth/", include("django_authkit.urls")),
    path("account/devices/", include("django_authkit.pages.urls")),
    path("who-am-i/", views.who_am_i, name="who-am-i"),
    path("api/", include(router.urls)),
    path("admin/", admin.site.urls),
    # The browsable API links to the login pages that it finds under this name.
    path("accounts/", include((accounts, "rest_framework"))),
]

if apps.is_installed("drf_spectacular"):
    from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

    urlpatterns += [
        path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
        # The one with a script of its own: the site's policy allows none in a page.
        path("api/docs/", SpectacularSwaggerSplitView.as_view(), name="docs"),
    ]

if apps.is_installed("django_authkit.contrib.prometheus"):
    from site_config.metrics import metrics

    # Open to everybody, because it runs on your machine; not so on a real site.
    urlpatterns += [path("metrics", metrics, name="metrics")]

if apps.is_installed("allauth"):
    urlpatterns += [
        path("members/", include("allauth.urls")),
        path("_allauth/", include("allauth.headless.urls")),
    ]

if apps.is_installed("ninja"):
    from site_config.ninja_api import api

    urlpatterns += [path("ninja/", api.urls)]
