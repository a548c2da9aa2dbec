"""A site with simplejwt's endpoints and ours beside them, and what a client does with either."""
