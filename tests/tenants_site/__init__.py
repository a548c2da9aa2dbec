"""A site of django-tenants: each tenant has a schema, with users of its own under the same primary keys."""
