"""A site without our URLs."""

urlpatterns: list[object] = []
