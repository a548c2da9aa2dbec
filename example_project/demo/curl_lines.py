"""The curl commands that the demo prints, ready to paste into a shell."""

from demo.people import ADA

_LOGIN = f'{{"username": "{ADA.name}", "password": "{ADA.password}"}}'


def header_lines(url: str, mode: str) -> str:
    """Return the lines for a client without cookies: credentials in the body and the header."""
    return f"""\
SITE={url} JSON='Content-Type: application/json'
LOGIN=$(curl -s $SITE/auth/login/ -H "$JSON" -H 'X-Authkit-Transport: header' \\
  -d '{_LOGIN}')
echo "$LOGIN"
ACCESS=$(echo "$LOGIN" | sed -E 's/.*"access":"([^"]+)".*/\\1/')
curl -sw '\\n' $SITE/api/notes/ -H "Authorization: Bearer $ACCESS"
{_REFRESH[mode]}
curl -sw '%{{http_code}}\\n' -X POST $SITE/auth/logout/ -H "Authorization: Bearer $ACCESS"
curl -sw '\\n' $SITE/api/notes/ -H "Authorization: Bearer $ACCESS"
"""


_REFRESH = {
    "jwt": """\
REFRESH=$(echo "$LOGIN" | sed -E 's/.*"refresh":"([^"]+)".*/\\1/')
curl -sw '\\n' $SITE/auth/refresh/ -H "$JSON" -d "{\\"refresh\\": \\"$REFRESH\\"}\"""",
    "session": """\
curl -sw '\\n' -X POST $SITE/auth/refresh/ -H "Authorization: Bearer $ACCESS\"""",
}


def cookie_lines(url: str) -> str:
    """Return the lines for a browser, in both modes: credentials in cookies, the CSRF token in a header."""
    return f"""\
SITE={url} JSON='Content-Type: application/json' JAR=$(mktemp)
csrf() {{ echo "X-CSRFToken: $(awk '$6 == "csrftoken" {{print $7}}' $JAR)"; }}
browser() {{ curl -sw '\\n' -b $JAR -c $JAR -H "$(csrf)" -H "$JSON" "$@"; }}
browser $SITE/auth/session/
browser $SITE/auth/login/ -d '{_LOGIN}'
browser $SITE/api/notes/ -d '{{"title": "From curl"}}'
curl -sw '\\n' -b $JAR $SITE/api/notes/ -H "$JSON" -d '{{"title": "No CSRF header"}}'
browser $SITE/auth/refresh/ -d '{{}}'
browser $SITE/auth/logout/ -d '{{}}' -w '%{{http_code}}\\n'
browser $SITE/api/notes/
"""
