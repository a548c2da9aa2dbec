"""
djangorestframework-simplejwt's endpoints, responses and errors; its clients need no change.

``docs/how-to/from-simplejwt.md`` has the steps of a migration, and every remaining difference.
"""
