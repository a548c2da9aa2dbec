"""
What ``manage.py authkit_compare`` measures, and how it reports.

The project is served as it is by real workers on loopback, once for each variant: a way to keep people
logged in. Each worker is told by ``worker.config`` what differs from the project's settings, and works on
a scratch database and under a scratch key prefix; the command's own process only speaks HTTP to them.
Nothing here is imported by a project that does not run the command.
"""
