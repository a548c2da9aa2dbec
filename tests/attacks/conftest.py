"""The attacks over HTTP take the site on each store."""

from live_fixtures import live, mode, transport, where

__all__ = ["live", "mode", "transport", "where"]
