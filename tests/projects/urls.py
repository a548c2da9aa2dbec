"""The site's URLs."""

from django.contrib import admin
from django.contrib.auth.views import PasswordChangeView
from django.urls import include, path

from django_authkit.decorators import recent_auth_required
from testapp import django_views, views

urlpatterns = [
    path("auth/", include("django_authkit.urls")),
    path("account/devices/", include("django_authkit.pages.urls")),
    path("compat/", include("django_authkit.compat.simplejwt.urls")),
    path("admin/", admin.site.urls),
    path("api/whoami/", views.WhoAmI.as_view()),
    path("api/notes/", views.Notes.as_view()),
    path("api/rename/", views.Rename.as_view()),
    path("api/open/", views.Open.as_view()),
    path("api/vault/", views.Vault.as_view()),
    path("api/strict-vault/", views.StrictVault.as_view()),
    path("plain/vault/", views.vault),
    path("plain/strict-vault/", views.strict_vault),
    path("plain/vault-async/", views.vault_async),
    path("plain/vault-class/", recent_auth_required()(views.VaultAsync.as_view())),
    path("plain/whoami/", views.whoami),
    path("plain/whoami-async/", views.whoami_async),
    path("plain/whoami-in-loop/", views.whoami_in_loop),
    path("plain/notes/", views.notes),
    path("plain/notes-async/", views.notes_async),
    path("plain/visits/", views.visits),
    path("plain/csrf-token/", views.csrf_token),
    path("plain/template/", django_views.template),
    path("plain/own-login/", views.own_log_in),
    path("plain/login/", views.django_login),
    path("plain/logout/", views.django_logout),
    path("django/cart/", django_views.cart),
    path("django/name-and-cart/", django_views.name_and_cart),
    path("django/expiry/", django_views.expiry),
    path("django/switch/<username>/", django_views.switch),
    path("django/switch-async/<username>/", django_views.switch_async),
    path("django/leave/", django_views.leave),
    path("django/leave-async/", django_views.leave_async),
    path("django/there-and-back/<username>/", django_views.there_and_back),
    path("django/cycle/", django_views.cycle),
    path("django/cycle-async/", django_views.cycle_async),
    path("django/flush/", django_views.flush),
    path("django/flush-async/", django_views.flush_async),
    path("django/new-password-async/", django_views.new_password_async),
    path("django/new-password/", django_views.new_password),
    path("django/new-password-twice/", django_views.new_password_twice),
    path("django/new-password-by-django/", django_views.new_password_by_django),
    path("django/new-password-by-login/", django_views.new_password_by_login),
    path("django/sign-up/", django_views.sign_up),
    path("django/reset/", django_views.reset),
    path("django/reset-twice/", django_views.reset_twice),
    path("django/forgetful-password/", django_views.forgetful_password),
    path("django/password-change/", PasswordChangeView.as_view(success_url="/plain/whoami/")),
    path("django/remark/", django_views.remark),
]
