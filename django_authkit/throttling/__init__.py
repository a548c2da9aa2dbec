"""Counting attempts, so that nobody can guess passwords or refresh tokens quickly."""
