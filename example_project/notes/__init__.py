"""Notes that belong to a user. Knows nothing of how users are kept logged in."""
