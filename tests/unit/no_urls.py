"""A site that includes nothing of ours."""

urlpatterns: list[object] = []
