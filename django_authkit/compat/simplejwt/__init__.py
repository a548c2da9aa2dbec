"""
djangorestframework-simplejwt's endpoints, answers and errors; its clients need no change.

``docs/how-to/from-simplejwt.md`` has the steps of a migration, and every difference that is left.
"""
