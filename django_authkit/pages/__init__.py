"""The device page: plain Django views for the auth sessions of a user."""
