"""Our own URLs in a worker: the endpoints of the variant, and a view that requires a login."""

from collections.abc import Callable
from typing import Any

from django.urls import include, path

from django_authkit.compare.variants import ALLAUTH, AUTHKIT, BASELINE, DJANGO, KNOX, SIMPLEJWT
from django_authkit.compare.worker import views
from django_authkit.compare.worker.config import ADDRESSES, WorkerConfig

_kind = WorkerConfig.from_environment().variant.kind

_endpoints: dict[str, Callable[[], list[Any]]] = {
    AUTHKIT: lambda: [path("", include("django_authkit.urls"))],
    BASELINE: list,
    DJANGO: views.django_endpoints,
    SIMPLEJWT: views.simplejwt_endpoints,
    KNOX: views.knox_endpoints,
    ALLAUTH: views.allauth_endpoints,
}

urlpatterns = [
    path(
        ADDRESSES.strip("/") + "/",
        include([path("whoami/", views.WhoAmI.as_view()), path("auth/", include(_endpoints[_kind]()))]),
    )
]
