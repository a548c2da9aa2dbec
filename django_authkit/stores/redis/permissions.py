"""Which commands the store sends in requests, and which of them its user may not run on the server."""

from typing import Any, Final

from redis.cluster import RedisCluster
from redis.exceptions import NoPermissionError

from django_authkit.session_keys import tag_of
from django_authkit.stores.redis.connection import connect
from django_authkit.stores.redis.failures import CLIENT_ERRORS
from django_authkit.stores.redis.server_names import no_answer

# Each with its arguments, where K is a key: an incomplete command is not looked at for its keys.
NEEDED: Final = (
    "EVALSHA 0 1 K,TIME,GET K,MGET K,SET K 0,UNLINK K,PEXPIRE K 0,PTTL K,EXISTS K,RENAME K K,"
    "HGET K 0,HMGET K 0,HSET K 0 0,HSETNX K 0 0,HDEL K 0,HINCRBY K 0 0,"
    "ZADD K 0 0,ZCOUNT K 0 0,ZRANGE K 0 0,ZCARD K,ZPOPMIN K,ZREM K 0,ZREMRANGEBYRANK K 0 0,"
    "XADD K * 0 0,XLEN K,XRANGE K - +,XREVRANGE K + -,XTRIM K MAXLEN 0"
)
"""Commands that every project needs; ``docs/how-to/redis.md`` lists them for ``ACL SETUSER``."""
OF_CLUSTER: Final = "CLUSTER INFO,CLUSTER SLOTS,COMMAND"
"""What is needed on a cluster, too."""

_SCRIPT: Final = """
local missing = {}
if redis.acl_check_cmd == nil then return missing end
for command in string.gmatch(ARGV[1], '[^,]+') do
    local words = {}
    for word in string.gmatch(command, '%S+') do
        words[#words + 1] = word == 'K' and KEYS[1] or word
    end
    if not redis.acl_check_cmd(unpack(words)) then
        local name = words[1] == 'CLUSTER' and words[1] .. '|' .. words[2] or words[1]
        missing[#missing + 1] = string.lower(name)
    end
end
return missing
"""


def is_forbidden(error: BaseException | None) -> bool:
    """Tell whether the server refused a command, or a key."""
    return isinstance(error, NoPermissionError)


def missing_commands(alias: str, prefix: str) -> list[str]:
    """
    Return the commands that the user of the cache *alias* may not run on keys that begin with *prefix*.

    Nothing is run but a script that asks the server; servers before Redis 7.0 do not say.

    Raises:
        StoreUnavailable: No answer, or the user may not even run scripts.
    """
    client: Any = connect(alias)
    try:
        key = f"{prefix}:{{{tag_of(0)}}}:m"
        needed = f"{NEEDED},{OF_CLUSTER}" if isinstance(client, RedisCluster) else NEEDED
        return [name.decode() for name in client.eval(_SCRIPT, 1, key, needed)]
    except CLIENT_ERRORS as error:
        raise no_answer(client, error) from error
    finally:
        client.close()
