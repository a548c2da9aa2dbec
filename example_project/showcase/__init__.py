"""The page that shows the two strategies at work. It is for looking; nothing here belongs in a project."""
