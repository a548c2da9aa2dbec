"""Logins for WebSockets, under Channels and under plain ASGI alike: needs nothing but Django."""

from django_authkit.contrib.websockets.middleware import AuthMiddleware

__all__ = ["AuthMiddleware"]
