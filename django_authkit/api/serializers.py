"""Parses and validates requests: JSON only, limited in size."""

import json
from collections.abc import Mapping
from typing import IO, Any, ClassVar, Final, NoReturn

from django.contrib.auth import get_user_model
from django.db.models import CharField, IntegerField
from django.http import HttpRequest
from django.utils.module_loading import import_string
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.fields import SkipField, empty
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser

from django_authkit import errors
from django_authkit.api.exceptions import ApiError
from django_authkit.conf import get_settings
from django_authkit.http.client_info import MAX_LABEL
from django_authkit.service.password_login import PasswordCredentials
from django_authkit.throttling.names import LONGEST

MAX_BODY: Final = 64 * 1024
"""Bytes; far more than the largest valid body of any endpoint."""
_MAX_PASSWORD: Final = 4096
_MAX_CREDENTIAL: Final = 16 * 1024


class BodyTooLarge(ApiError):
    """413."""

    def __init__(self) -> None:
        super().__init__(errors.InvalidRequest(f"The body is larger than {MAX_BODY} bytes."))
        self.status_code = 413


class StrictJSONParser(BaseParser):
    """Parses a JSON object in UTF-8 (RFC 8259 §8.1) and rejects everything else."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the object."""
        body = stream.read(MAX_BODY + 1)
        if len(body) > MAX_BODY:
            raise BodyTooLarge
        try:
            data = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise ParseError("The body is not JSON in UTF-8.") from error
        if not isinstance(data, dict):
            raise ParseError("The body is not a JSON object.")
        return data


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


class AlwaysJson(BaseContentNegotiation):
    """Always renders JSON, regardless of ``Accept``, so that an error is never a 406."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        """Return the parser of the body's type, or ``None``, which makes the response a 415."""
        media_type = request.content_type.split(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == media_type), None)

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        """Return the one renderer."""
        return renderers[0], renderers[0].media_type


class _ExactText(serializers.CharField):
    """A string that is not trimmed or converted."""

    def __init__(self, max_length: int = _MAX_CREDENTIAL, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):  # DRF would convert a number to a string
            self.fail("invalid")
        return str(super().to_internal_value(data))


class LoginBody(serializers.Serializer[Any]):
    """
    ``{<USERNAME_FIELD>, "password", "remember"?, "device"?}``; the base class of ``LOGIN["SERIALIZER"]``.

    Attributes:
        name_field: The member that says who logs in; ``None`` for the ``USERNAME_FIELD``. A subclass that
            names another one declares it.
        credential_fields: Further members that ``authenticate()`` gets, if the body has them.
    """

    name_field: ClassVar[str | None] = None
    credential_fields: ClassVar[tuple[str, ...]] = ()

    password = serializers.CharField(max_length=_MAX_PASSWORD, trim_whitespace=False)
    remember = serializers.BooleanField(default=False)
    device = serializers.CharField(max_length=MAX_LABEL, required=False)

    def credentials(self) -> PasswordCredentials:
        """Return what the validated body has for ``authenticate()``."""
        field = self.name_field or get_user_model().USERNAME_FIELD
        given = self.validated_data
        more = {name: given[name] for name in self.credential_fields if name in given}
        return PasswordCredentials(
            name=str(given[field]),
            password=given["password"],
            name_field=field,
            more=more,
        )

    def get_fields(self) -> dict[str, Any]:
        """Add the ``USERNAME_FIELD`` of the project's user model."""
        if self.name_field is not None:
            return super().get_fields()
        model = get_user_model()
        column: Any = model._meta.get_field(model.USERNAME_FIELD)
        limit = column.max_length if isinstance(column, CharField) else None  # a UUID may have dashes
        limit = limit or LONGEST
        return {model.USERNAME_FIELD: serializers.CharField(max_length=limit), **super().get_fields()}

    def to_internal_value(self, data: Any) -> Any:
        """Reject values that are not strings, since DRF would convert them; a number may be a username."""
        model = get_user_model()
        name_field = self.name_field or model.USERNAME_FIELD
        is_number = isinstance(model._meta.get_field(model.USERNAME_FIELD), IntegerField)
        is_text = isinstance(self.fields[name_field], serializers.CharField)
        kinds = {
            name_field: {str, int} if is_number or not is_text else {str},
            "password": {str},
            "device": {str},
        }
        wrong = {
            name: [serializers.CharField.default_error_messages["invalid"]]
            for name, allowed in kinds.items()
            if name in data and type(data[name]) not in allowed
        }
        if wrong:
            raise serializers.ValidationError(wrong)
        return super().to_internal_value(data)


class LoginStepBody(serializers.Serializer[Any]):
    """``{"handle"}``; the other members are the step's."""

    handle = _ExactText(100)


class ReauthenticateBody(serializers.Serializer[Any]):
    """``{"password", "refresh"?}``; with ``REAUTHENTICATOR``, its members replace the password."""

    password = _ExactText(_MAX_PASSWORD)
    refresh = _ExactText(required=False)

    def get_fields(self) -> dict[str, Any]:
        """Require a password only if re-authentication uses it."""
        members = super().get_fields()
        if get_settings().reauthenticator is not None:
            del members["password"]
        return members


class DeviceBody(serializers.Serializer[Any]):
    """``{"label"}``: the name of a device."""

    label = _ExactText(MAX_LABEL)  # type: ignore[assignment] # the member has the name of an attribute


class VerifyBody(serializers.Serializer[Any]):
    """``{"token"}``."""

    token = _ExactText()


_REFRESH: Final = _ExactText(required=False)


def refresh_token_of(data: Any) -> str | None:
    """
    Return the member of ``{"refresh"?}``; without it the credential is in a header or cookie.

    No serializer is used: copying its fields would take a tenth of the time of a refresh.

    Raises:
        ValidationError: As for ``validated``.
    """
    try:
        return str(_REFRESH.run_validation(data.get("refresh", empty)))
    except SkipField:
        return None
    except serializers.ValidationError as error:
        raise serializers.ValidationError({"refresh": error.detail}) from None


def login_body(request: HttpRequest, data: Any) -> LoginBody:
    """
    Return the validated body of a login: of ``LOGIN["SERIALIZER"]``, which finds *request* in its context.

    Raises:
        ValidationError: As for ``validated``.
    """
    body: LoginBody = login_serializer()(data=data, context={"request": request})
    body.is_valid(raise_exception=True)
    return body


def login_serializer() -> type[LoginBody]:
    """Return the class of the body of ``login/``."""
    path = get_settings().login.serializer
    kind: type[LoginBody] = LoginBody if path is None else import_string(path)
    return kind


def validated(body: type[serializers.Serializer[Any]], data: Any) -> dict[str, Any]:
    """
    Return the validated members of *data*.

    Raises:
        ValidationError: A member is invalid. The message names it, and never contains its value.
    """
    serializer = body(data=data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
