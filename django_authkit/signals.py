"""
What happens to auth sessions, for projects that log, count or notify.

Every signal is sent after the store has done what it says, with ``sender`` the record's class
``AuthSession`` and:

======================  ==========================================================================
``session_started``     ``session``, ``request``
``session_refreshed``   ``session``, ``request``: the refresh token was rotated
``refresh_replayed``    ``session``, ``request``: the predecessor came again within the grace
``refresh_reused``      ``session`` (ended), ``request``, ``reuse`` (``ReuseClass``), ``age``
                        (``timedelta`` since the current token became current), ``address``
``session_ended``       ``session`` (ended), ``reason`` (``EndReason``)
======================  ==========================================================================

No signal carries a credential.
"""

from django.dispatch import Signal

session_started = Signal()
session_refreshed = Signal()
refresh_replayed = Signal()
refresh_reused = Signal()
session_ended = Signal()
