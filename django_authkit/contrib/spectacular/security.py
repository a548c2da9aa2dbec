"""The security schemes: one for each credential that the settings and the authentication class accept."""

from typing import Any

from django.conf import settings
from drf_spectacular.drainage import set_override
from drf_spectacular.extensions import OpenApiAuthenticationExtension

from django_authkit.authentication import AuthKitAuthentication
from django_authkit.conf import get_settings
from django_authkit.types import Mode, Transport

_DPOP = "The member `access` of a login over the header, with a proof in the header `DPoP` (RFC 9449)."
_COOKIE = "Set by a login over cookies. A browser sends it by itself."


# Views with different classes of ours have the same schemes.
set_override(AuthKitAuthentication, "suppress_collision_warning", True)


class RefreshAuthentication(AuthKitAuthentication):
    """Stands for the credentials of ``refresh/`` in the schema; never used for a request."""


class CredentialsScheme(OpenApiAuthenticationExtension):
    """The schemes of ``AuthKitAuthentication`` and its subclasses; any one of them is enough."""

    target_class = AuthKitAuthentication
    match_subclasses = True

    @property
    def name(self) -> list[str]:
        """The names of the schemes."""
        return list(self._schemes())

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        """Return the schemes, in the order of ``name``."""
        return list(self._schemes().values())

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[str]]]:
        """Return one alternative for each scheme."""
        return [{name: []} for name in self._schemes()]

    def _schemes(self) -> dict[str, dict[str, str]]:
        chosen = get_settings()
        modes = [mode for mode in chosen.modes_by_precedence if mode in self.target.modes]
        schemes = {}
        if modes and Transport.HEADER in chosen.transports:
            if chosen.dpop.mode == "require":
                schemes["authkitDPoP"] = {"type": "http", "scheme": "dpop", "description": _DPOP}
            else:
                schemes["authkitBearer"] = _bearer(chosen.compat.auth_schemes[0])
        cookies = {
            Mode.SESSION: ("authkitSessionCookie", settings.SESSION_COOKIE_NAME),
            Mode.JWT: ("authkitAccessCookie", chosen.cookie.access_name),
        }
        if Transport.COOKIE in chosen.transports:
            schemes |= {name: _cookie(value) for name, value in map(cookies.__getitem__, modes)}
        return schemes


class RefreshScheme(CredentialsScheme):
    """The schemes of ``refresh/``: in JWT mode the body or the cookie of the refresh token counts."""

    target_class = RefreshAuthentication
    priority = 1

    def _schemes(self) -> dict[str, dict[str, str]]:
        chosen, found = get_settings(), super()._schemes()
        if not chosen.accepts(Mode.SESSION):
            found.pop("authkitBearer", None)
            found.pop("authkitDPoP", None)
        if found.pop("authkitAccessCookie", None):
            found["authkitRefreshCookie"] = _cookie(chosen.cookie.refresh_name)
        return found


def _bearer(scheme: str) -> dict[str, str]:
    description = f"The member `access` of a login over the header: `Authorization: {scheme} …`."
    if scheme.lower() != "bearer":  # OpenAPI knows registered schemes only
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": description}
    return {"type": "http", "scheme": "bearer", "description": description}


def _cookie(name: str) -> dict[str, str]:
    return {"type": "apiKey", "in": "cookie", "name": name, "description": _COOKIE}
