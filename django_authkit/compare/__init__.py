"""
What ``manage.py authkit_compare`` measures, and how it reports.

The project is served as it is by real workers on loopback, once for each variant: a way to keep users
logged in. ``worker.config`` tells each worker what differs from the project's settings. Workers use
a scratch database and under a scratch key prefix; the command's own process only speaks HTTP to them.
Nothing here is imported by a project that does not run the command.
"""
