"""The endpoints, built on Django REST framework."""
