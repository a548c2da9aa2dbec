"""The components of the schema: the bodies and responses of the endpoints."""

from functools import cache
from typing import Any

from django.contrib.auth import get_user_model
from django.utils.module_loading import import_string
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from django_authkit.api.serializers import (
    DeviceBody,
    LoginBody,
    ReauthenticateBody,
    VerifyBody,
    login_serializer,
)
from django_authkit.conf import get_settings
from django_authkit.types import Mode, Transport

_MODES = {"type": "string", "enum": [str(mode) for mode in Mode], "description": "The form of a credential."}


@extend_schema_field(_MODES, component_name="AuthKitMode")
class ModeField(serializers.CharField):
    """A mode; a component of its own, so that its enum gets no name that a project uses."""


class AuthKitError(serializers.Serializer[Any]):
    """Every error: `code` is stable, `detail` is for people, and `fields` says what is wrong with a body."""

    detail = serializers.CharField()
    code = serializers.CharField()
    fields = serializers.DictField(  # type: ignore[assignment] # the member has the name of a property
        child=serializers.ListField(child=serializers.CharField()), required=False
    )


class AuthKitLoginStep(AuthKitError):
    """An error of a login; with `step_required` and `step_failed`, how it goes on."""

    step = serializers.CharField(required=False, help_text="The name of the step.")
    handle = serializers.CharField(required=False, help_text="Works once.")
    expires_in = serializers.IntegerField(required=False, help_text="Seconds.")
    question = serializers.DictField(required=False)


LOGIN_STEP = {
    "type": "object",
    "properties": {"handle": {"type": "string"}},
    "required": ["handle"],
    "additionalProperties": {},
}
"""The body of a step: what it has beside the handle is the step's."""


class AuthKitSession(serializers.Serializer[Any]):
    """An auth session, as its user may see it."""

    sid = serializers.CharField(help_text="Public identifier; not a secret.")
    mode = ModeField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(help_text="When it ends at the latest.")
    bound = serializers.BooleanField(help_text="Whether it is bound to its device.")


class AuthKitDevice(AuthKitSession):
    """An auth session in the user's list of devices."""

    current = serializers.BooleanField(help_text="Whether it is that of this request.")
    label = serializers.CharField()  # type: ignore[assignment] # the member has the name of an attribute
    address = serializers.CharField()
    place = serializers.CharField(help_text="Where the address is, if the server knows; may be empty.")
    last_seen_at = serializers.DateTimeField()


class AuthKitDeviceName(DeviceBody):
    """The name of a device."""


class AuthKitDevicePage(serializers.Serializer[Any]):
    """A page of the user's devices."""

    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = AuthKitDevice(many=True)


class AuthKitRevoked(serializers.Serializer[Any]):
    """How many auth sessions were revoked."""

    revoked = serializers.IntegerField()


class AuthKitTicket(serializers.Serializer[Any]):
    """What opens one WebSocket."""

    ticket = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds.")


class AuthKitLogin(LoginBody):
    """A name and a password."""


def login_body() -> type[LoginBody]:
    """Return the body of ``login/``: ours, or the project's own."""
    chosen = login_serializer()
    return AuthKitLogin if chosen is LoginBody else chosen


class AuthKitRefresh(serializers.Serializer[Any]):
    """The refresh token, unless the request has a credential elsewhere."""

    refresh = serializers.CharField(required=False)


class AuthKitReauthentication(ReauthenticateBody):
    """The password and, over the header in JWT mode, the refresh token."""


class AuthKitToken(VerifyBody):
    """A session key or an access token."""


class AuthKitIntrospection(serializers.Serializer[Any]):
    """What a credential is worth (RFC 7662); of one that is not valid, `active` alone."""

    active = serializers.BooleanField()
    sub = serializers.CharField(required=False, help_text="Primary key of the user.")
    sid = serializers.CharField(required=False)
    iat = serializers.IntegerField(required=False)
    exp = serializers.IntegerField(required=False)
    token_type = serializers.CharField(required=False)
    mode = ModeField(required=False)


class AuthKitUser(serializers.Serializer[Any]):
    """The primary key and the username of a user."""

    def get_fields(self) -> dict[str, Any]:
        """Return the members, described as those of a ``ModelSerializer``."""
        chosen = get_user_model()

        class Described(serializers.ModelSerializer[Any]):
            class Meta:
                model = chosen
                fields = ("pk", chosen.USERNAME_FIELD)

        found = Described().get_fields()
        return {"id": found["pk"], chosen.USERNAME_FIELD: found[chosen.USERNAME_FIELD]}


class AuthKitCurrent(serializers.Serializer[Any]):
    """The auth session of a request, and its user."""

    session = AuthKitSession()

    def get_fields(self) -> dict[str, Any]:
        """Add ``user``, as ``api.presentation`` renders it."""
        path = get_settings().user_serializer
        return {**super().get_fields(), "user": AuthKitUser() if path is None else import_string(path)()}


class AuthKitGrant(AuthKitCurrent):
    """The auth session, its user and, over the header, its credentials."""

    def get_fields(self) -> dict[str, Any]:
        """Add the credentials; over cookies, they are not in the body."""
        members, chosen = super().get_fields(), get_settings()
        if Transport.HEADER in chosen.transports:
            always = Transport.COOKIE not in chosen.transports
            members["access"] = serializers.CharField(required=always)
            if chosen.issues(Mode.JWT):
                members["refresh"] = serializers.CharField(
                    required=always and not chosen.issues(Mode.SESSION)
                )
            members["token_type"] = serializers.CharField(required=always)
            members["expires_in"] = serializers.IntegerField(required=always, help_text="Seconds.")
        return members


def grant() -> type[AuthKitGrant]:
    """Return the response with credentials: ours, with the members that the project adds."""
    path = get_settings().login.response_serializer
    return AuthKitGrant if path is None else _with_members_of(import_string(path))


@cache
def _with_members_of(added: type[Any]) -> type[AuthKitGrant]:
    return type(AuthKitGrant.__name__, (AuthKitGrant, added), {"__doc__": AuthKitGrant.__doc__})
