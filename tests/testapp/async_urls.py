"""The site's URLs, and async views."""

from django.urls import path

from projects.urls import urlpatterns as of_the_site
from testapp import async_views

urlpatterns = [
    *of_the_site,
    path("async/login/<username>/", async_views.log_in),
    path("async/refresh/", async_views.refresh),
    path("async/log-out/", async_views.log_out),
    path("async/anonymous/", async_views.anonymous),
    path("async/who/", async_views.who),
    path("async/sids/", async_views.sids),
    path("async/revoke/<what>/", async_views.revoke),
    path("async/verify/", async_views.verify),
    path("async/new-password/", async_views.new_password),
    path("async/visits/", async_views.visits),
]
