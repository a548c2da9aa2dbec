"""The APIs of other packages, implemented with our auth sessions."""
