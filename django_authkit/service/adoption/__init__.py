"""Adoption: an auth session in place of the login of another package."""
