"""Settings of the projects that the tests stand up."""
