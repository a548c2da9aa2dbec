"""Earlier names of settings, and where each one is now: what the check of an unknown name says."""

MOVED = {
    "REDIS_ALIAS": ("REDIS", "ALIAS"),
    "REDIS_PREFIX": ("REDIS", "PREFIX"),
    "REDIS_BUCKETS": ("REDIS", "BUCKETS"),
    "ACCESS_LIFETIME": ("LIFETIMES", "ACCESS"),
    "IDLE_TIMEOUT": ("LIFETIMES", "IDLE"),
    "ABSOLUTE_LIFETIME": ("LIFETIMES", "ABSOLUTE"),
    "REFRESH_GRACE": ("LIFETIMES", "REFRESH_GRACE"),
    "TOUCH_INTERVAL": ("LIFETIMES", "TOUCH_INTERVAL"),
    "REPLICA_MAX_STALENESS": ("REPLICA", "MAX_STALENESS"),
    "BLACKLIST_SIZE": ("REPLICA", "SIZE"),
    "ACCESS_COOKIE_NAME": ("COOKIE", "ACCESS_NAME"),
    "REFRESH_COOKIE_NAME": ("COOKIE", "REFRESH_NAME"),
    "COOKIE_SECURE": ("COOKIE", "SECURE"),
    "COOKIE_SAMESITE": ("COOKIE", "SAMESITE"),
    "COOKIE_DOMAIN": ("COOKIE", "DOMAIN"),
    "COOKIE_PATH": ("COOKIE", "PATH"),
    "REFRESH_COOKIE_PATH": ("COOKIE", "REFRESH_PATH"),
    "PLAIN_HTTP": ("COOKIE", "PLAIN_HTTP"),
    "LOGIN_RATE": ("RATES", "LOGIN"),
    "REFRESH_RATE": ("RATES", "REFRESH"),
    "ENDING_NEEDS_RECENT_AUTH": ("RECENT_AUTH", "TO_REVOKE"),
    "AUTH_SCHEMES": ("COMPAT", "AUTH_SCHEMES"),
    "SIMPLEJWT_ROTATION": ("COMPAT", "SIMPLEJWT_ROTATION"),
}
"""The group and the key."""

INSTEAD = {
    "MODE": "The mode is a setting of its own: AUTHKIT_MODE.",
    "CLAIMS_CACHE_SIZE": "Remove it: each process keeps the claims of 1,024 verified tokens.",
    "NOTIFY_NEW_DEVICE": (
        "Remove it, and connect the receiver: session_started.connect(mail_new_device), "
        "from django_authkit.notifications."
    ),
}
"""What to do about names that have no successor in ``AUTHKIT``."""
