"""The races over HTTP use the site on each store."""

from support.site_fixtures import empty_site, live, mode, transport, where

__all__ = ["empty_site", "live", "mode", "transport", "where"]
