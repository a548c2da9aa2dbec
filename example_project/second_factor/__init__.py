"""A second factor: the codes of an authenticator app, as ``docs/how-to/login-steps.md`` describes it."""
