"""Why it could not be told who a request is from, and what hears of it: the view, or only the response."""

from enum import Enum, auto

from django_authkit.errors import AuthKitError, CredentialRejected


class Stage(Enum):
    """How far a request has come, as far as our middleware knows."""

    MIDDLEWARE = auto()
    """Before its view. What is raised would be a 500, so ``request.user`` is anonymous."""
    PLAIN_VIEW = auto()
    """In a plain Django view: ``request.user`` raises the error."""
    OTHER_VIEW = auto()
    """In a view of DRF, which raises it by itself, or in an error page, which shows an anonymous user."""


class UserErrors:
    """
    The errors of ``request.user`` during one request. Defaults are class attributes; most requests have none.

    Attributes:
        stage: How far the request has come.
        withheld: What ``request.user`` did not raise.
        raised: What it, or an attribute of a lazy one, raised in the view or a template; or what the view
            was not told, though it must not answer to an anonymous user.
        unhandled: An error of ours that became a 500, since it was raised outside of views.
    """

    stage: Stage = Stage.MIDDLEWARE
    withheld: AuthKitError | None = None
    raised: AuthKitError | None = None
    unhandled: AuthKitError | None = None

    def raise_or_withhold(self, error: AuthKitError) -> None:
        """Raise *error* in a plain view; elsewhere, remember it."""
        if self.stage is Stage.PLAIN_VIEW:
            raise self.note(error)
        self.withheld = error
        if self.stage is Stage.OTHER_VIEW and not isinstance(error, CredentialRejected):
            self.raised = error

    def note(self, error: AuthKitError) -> AuthKitError:
        """Note *error*, which is about to be raised, and return it."""
        self.raised = error
        return error

    def hidden_by(self, status: int) -> AuthKitError | None:
        """
        Return our error that a response with this status hides, if any.

        Django makes a 500 of what middleware and templates raise, and the operators of ``{% if %}`` take any
        error for false, so that the page would be that of somebody else. And where ``request.user`` raised
        nothing before the view was found, a middleware may have refused a user of whom we only could not
        tell.
        """
        if self.raised is not None:
            return self.raised
        if status == 500 and self.unhandled is not None:
            return self.unhandled
        return self.withheld if self.stage is Stage.MIDDLEWARE else None
