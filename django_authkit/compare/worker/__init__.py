"""What runs in the processes that the command starts: the project with other settings, and counters."""
