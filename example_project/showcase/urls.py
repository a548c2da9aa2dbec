"""The URLs that the page requests."""

from django.urls import path

from showcase import cookie_jar, views

app_name = "showcase"

urlpatterns = [
    path("mirror/", views.MirrorView.as_view(), name="mirror"),
    path("server/", views.server, name="server"),
    path("mode/<str:mode>/", views.switch_mode, name="mode"),
    path("comparison/", views.comparison, name="comparison"),
    path("comparison/report/", views.comparison_report, name="comparison-report"),
    path("cookie-jar/", cookie_jar.StealView.as_view(), name="steal-cookies"),
    path("cookie-jar/<str:handle>/", cookie_jar.use, name="use-cookies"),
]
