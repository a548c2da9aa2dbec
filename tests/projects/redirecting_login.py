"""The site's URLs, and Django's login view with a redirect for users who are logged in."""

from django.contrib.auth.views import LoginView
from django.urls import path

from projects.urls import urlpatterns as others

login = LoginView.as_view(redirect_authenticated_user=True, next_page="/", template_name="admin/login.html")
urlpatterns = [*others, path("login/", login)]
