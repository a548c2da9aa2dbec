"""The endpoints, in Django REST framework's terms."""
