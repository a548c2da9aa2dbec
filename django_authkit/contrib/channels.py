"""``AuthMiddleware`` for Channels, in place of its own of that name: that of ``contrib.websockets``."""

from django_authkit.contrib.websockets import AuthMiddleware

__all__ = ["AuthMiddleware"]
