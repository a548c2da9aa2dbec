"""Loading the user of an auth session, now or when first needed, and finding one by name."""
