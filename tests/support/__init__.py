"""Shared by tests of several folders: servers, stores, the site, its clients, the clock, keys and tokens."""
