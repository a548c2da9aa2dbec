"""What the response deletes in a browser after a logout or a failed refresh; and an app's next nonce."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from django_authkit.conf import get_settings
from django_authkit.http import cookies
from django_authkit.http.request_state import state_of


def apply_response_effects(request: HttpRequest, response: HttpResponseBase) -> None:
    """
    Delete the token cookies and the site's data in the browser, if the request's state asks for it.

    To a client with DPoP proofs it gives the nonce of its next ones (RFC 9449, section 8).

    May be called more than once for one response.
    """
    state = state_of(request)
    if state.clear_token_cookies:
        cookies.clear_presented_token_cookies(request, response)
    if state.dpop_nonce is not None:
        response["DPoP-Nonce"] = state.dpop_nonce
    named = get_settings().clear_site_data
    if state.clear_site_data and named:
        response["Clear-Site-Data"] = ", ".join(f'"{each}"' for each in named)
