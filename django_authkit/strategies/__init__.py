"""What proves to a request which auth session it belongs to: a session key, or signed tokens."""
