"""The keys that sign and verify tokens: the ring, its entries, and what makes a key unfit."""
