"""
Signals about auth sessions, for projects that log, count or notify.

Every signal is sent after the store has made the change, with ``sender`` the record's class
``AuthSession`` and:

======================  ==========================================================================
``session_started``     ``session``, ``request``, ``new_device`` (no other live auth session of the user
                        is from such a browser; evaluated lazily, by ``bool()``)
``session_refreshed``   ``session``, ``request``: the refresh token was rotated
``refresh_repeated``    ``session``, ``request``: the predecessor was repeated within the grace
``refresh_reused``      ``session`` (revoked), ``request``, ``reuse`` (``ReuseClass``), ``age``
                        (``timedelta`` since the current token became current), ``address``
``session_revoked``       ``session`` (revoked), ``reason`` (``RevocationReason``)
``limit_reached``       ``user``, ``request``, ``refused`` (bool), ``revoked`` (the sessions)
``binding_mismatch``    ``session``, ``request``, ``what`` (of ``"user_agent"``, ``"address"``), ``address``
``device_binding_failed``  ``session``, ``request``, ``address``: it was used without the key of its device
``device_bound``        ``session``, ``request``: it got the key of a device, by its browser or by DPoP
``device_renamed``      ``session`` (with its new ``label``), ``request``
``attempt_refused``     ``scope`` (``"login"``, ``"login_step"``, ``"reauthentication"``, ``"refresh"`` or
                        ``"ticket"``), ``wait`` (``timedelta``): there were too many attempts; no
                        session is involved
======================  ==========================================================================

No signal carries a credential.
"""

from typing import Any

from django.dispatch import Signal as DjangoSignal

from django_authkit.bridge import here, wait


class Signal(DjangoSignal):
    """A signal whose receivers run where they may block, and asynchronous ones on the loop that there is."""

    def send(self, sender: Any, **named: Any) -> list[tuple[Any, Any]]:
        """Send it to all receivers."""
        if here.bridge is None:
            return super().send(sender, **named)
        return wait(self.asend(sender, **named))


session_started = Signal()
session_refreshed = Signal()
refresh_repeated = Signal()
refresh_reused = Signal()
session_revoked = Signal()
limit_reached = Signal()
binding_mismatch = Signal()
device_binding_failed = Signal()
device_bound = Signal()
device_renamed = Signal()
attempt_refused = Signal()
