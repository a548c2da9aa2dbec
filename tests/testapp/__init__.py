"""The app of the test site."""
