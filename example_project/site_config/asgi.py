"""
The site for an ASGI server, with a WebSocket that is open as long as the login lasts.

Run ``manage.py demo --store database`` once, which makes the users; stop it, and then

    uvicorn --app-dir example_project site_config.asgi:application
"""

import os
from typing import Any

from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "site_config.settings"  # as in manage.py
site = ASGIStaticFilesHandler(get_asgi_application())

from django_authkit.contrib.websockets import AuthMiddleware  # noqa: E402 - the settings come first
from showcase.live import live  # noqa: E402

sockets = AuthMiddleware(live)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Serve the site, and its WebSocket at any path."""
    app: Any = sockets if scope["type"] == "websocket" else site
    await app(scope, receive, send)
