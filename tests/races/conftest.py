"""The races over HTTP use the site on each store."""

from support.site_fixtures import live, mode, transport, where

__all__ = ["live", "mode", "transport", "where"]
