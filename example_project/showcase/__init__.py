"""The page that shows both strategies at work. It is a demonstration, not code for a project."""
