"""Where auth sessions live: ``redis`` or ``database``, behind one protocol."""
