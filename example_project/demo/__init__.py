"""``manage.py demo``: the site on this machine with everything it needs, and a tour of it."""
