"""What it means when redis-py fails: no answer, a mistake of ours, or a server that only reads."""

import re

from redis import exceptions
from redis.sentinel import MasterNotFoundError

UNREADABLE = (AttributeError, LookupError, TypeError, ValueError)
"""What reading a reply raises that is no protocol, or of another kind than asked for: some other server's."""
CLIENT_ERRORS = (exceptions.RedisError, exceptions.RedisClusterException, *UNREADABLE)
"""What redis-py raises."""
CONNECTION_LOST = (exceptions.ConnectionError, exceptions.TimeoutError)
NOT_WORTH_REPEATING = (
    exceptions.AuthenticationError,
    exceptions.AuthorizationError,
    exceptions.BusyLoadingError,
    exceptions.MaxConnectionsError,
    MasterNotFoundError,
)
_MISTAKES = (exceptions.DataError, exceptions.ResponseError)
"""What redis-py raises for a mistake of ours. Its other errors mean that there is no answer, as do these:"""
_NO_ANSWER = (
    exceptions.AskError,
    exceptions.ClusterError,
    exceptions.NoPermissionError,
    exceptions.OutOfMemoryError,
    exceptions.ReadOnlyError,
    exceptions.TryAgainError,
)
# Redis 6 wraps the error of a command in a script in one of its own; some codes have no class.
_NO_ANSWER_CODE = re.compile(
    r"(?:^|-)(?:BUSY|CLUSTERDOWN|LOADING|MASTERDOWN|MISCONF|NOREPLICAS|OOM|READONLY|TRYAGAIN|UNBLOCKED) "
    r"|access a non local key"  # the slot is being migrated
    # The user's ACL, within a script.
    r"|ACL failure|(?i:no permissions to)|The user executing the script can't"
)
_DEPOSED = re.compile("READONLY|NOREPLICAS|UNBLOCKED|read only replica")
_READS_ONLY_CODE = re.compile(r"(?:^|-)(?:MISCONF|NOREPLICAS|OOM|READONLY) ")


def is_no_answer(error: Exception) -> bool:
    """Tell whether *error* means that nothing is known, rather than a mistake of ours."""
    is_mistake = isinstance(error, _MISTAKES) and not isinstance(error, _NO_ANSWER)
    return not is_mistake or _NO_ANSWER_CODE.search(str(error)) is not None


def reason_for(error: Exception) -> Exception:
    """Return the missing permission behind *error*, which redis-py may take for something else; or itself."""
    behind: BaseException | None = error
    while behind is not None:
        if isinstance(behind, exceptions.NoPermissionError):
            return behind
        behind = behind.__cause__ or behind.__context__
    return error


def may_be_deposed(error: Exception) -> bool:
    """Tell whether another server may have taken over, so that the name of this one may lead there now."""
    return isinstance(error, exceptions.ReadOnlyError) or _DEPOSED.search(str(error)) is not None


def refuses_writes(error: BaseException | None) -> bool:
    """Tell whether the server answers and does not write: it is full, a replica, or has too few of them."""
    return (
        isinstance(error, (exceptions.OutOfMemoryError, exceptions.ReadOnlyError))
        or _READS_ONLY_CODE.search(str(error)) is not None
    )
