"""One response format for all errors, ours and DRF's."""

from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.db import Error
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import gettext
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler

from django_authkit import errors
from django_authkit.api.exceptions import ApiError, api_error
from django_authkit.outages import is_outage, users_database_unavailable


def exception_handler(exception: Exception, context: dict[str, Any]) -> Response | None:
    """
    Return every error in one format: ``detail``, ``code``, and ``fields`` where a body was invalid.

    Set it as DRF's ``EXCEPTION_HANDLER`` to use the same format in the project's views.
    """
    if isinstance(exception, errors.AuthKitError):
        exception = api_error(exception)
    response = drf_exception_handler(exception, context)
    if response is not None and isinstance(exception, exceptions.APIException):
        response.data = _body(exception)
    return response


def endpoint_exception_handler(exception: Exception, context: dict[str, Any]) -> Response | None:
    """Handle what ``exception_handler`` does, and errors that are handled only in our endpoints."""
    return exception_handler(answerable(exception), context)


def answerable(exception: Exception) -> Exception:
    """Return the package error for *exception* in our endpoints; most are returned unchanged."""
    if isinstance(exception, Error) and is_outage(exception):  # the users' database is down
        return users_database_unavailable(exception)
    if isinstance(exception, (SuspiciousOperation, MultiPartParserError)):
        return errors.InvalidRequest()
    return exception


_CODES: dict[type[exceptions.APIException], str] = {
    exceptions.NotAuthenticated: errors.NotAuthenticated.code,
    exceptions.AuthenticationFailed: errors.TokenInvalid.code,
    exceptions.Throttled: "throttled",
    exceptions.ValidationError: errors.InvalidRequest.code,
    exceptions.ParseError: errors.InvalidRequest.code,
    exceptions.UnsupportedMediaType: errors.InvalidRequest.code,
    exceptions.MethodNotAllowed: errors.InvalidRequest.code,
    exceptions.NotAcceptable: errors.InvalidRequest.code,
}


def _body(exception: exceptions.APIException) -> Any:
    if isinstance(exception, ApiError):
        return exception.detail
    code = next((_CODES[kind] for kind in type(exception).__mro__ if kind in _CODES), None)
    if isinstance(exception, exceptions.ValidationError):
        fields = exception.detail
        return {"detail": gettext(errors.InvalidRequest.message), "code": code, "fields": fields}
    detail: Any = exception.detail
    return {"detail": detail, "code": code or getattr(detail, "code", "error")}
