"""Takes the measurements: timings in alternating rounds, behavior, store outages and memory."""
