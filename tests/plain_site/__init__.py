"""A site whose user model is a plain one."""
