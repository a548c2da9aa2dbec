"""The sids of revoked auth sessions, followed by each process in a copy of its own."""
