"""Settings of the projects in the tests."""
