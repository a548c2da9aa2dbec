"""An app whose rows are audited by django-auditlog and django-simple-history."""
