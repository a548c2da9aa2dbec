"""The report of a comparison: its contents as data and JSON, in the terminal, and as one HTML page."""
