"""
A query that is compiled once and run many times.

Django builds and compiles a queryset each time it is evaluated. For the two queries of an authenticated
request, that is four fifths of their cost, and their SQL never changes. This uses the same parts of the
compiler as ``ModelIterable``, since Django has no public way to do it.
"""

from collections.abc import Callable, Hashable
from operator import itemgetter
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)


class PreparedQuery(Generic[M]):
    """
    A lookup of one row of *rows* by primary key, on the connection that it is compiled for.

    The instances that it returns have the related rows and annotations of the queryset.

    Args:
        rows: A queryset whose filters do not change from call to call.
        placeholder: A primary key that is not equal to another parameter of the query.
    """

    def __init__(self, rows: QuerySet[M], connection: Any, placeholder: object) -> None:
        self._connection = connection
        self._primary_key: Any = rows.model._meta.pk
        rows = rows.filter(pk=placeholder)
        self._compiler: Any = rows.query.get_compiler(connection=connection)
        self._sql, parameters = self._compiler.as_sql()
        self._prepare: Any = self._primary_key.get_db_prep_value
        stands_for_it = self._prepare(placeholder, connection)
        self._parameters = list(parameters)
        self._key_position = self._parameters.index(stands_for_it)
        self._converters = self._compiler.get_converters([column[0] for column in self._compiler.select])
        self._row = _InstanceMaker(self._compiler, self._compiler.klass_info)
        self._related = [
            (each["local_setter"], _InstanceMaker(self._compiler, each))
            for each in self._compiler.klass_info.get("related_klass_infos", ())
        ]

    def first(self, key: object) -> M | None:
        """Return the row whose primary key is *key*, or ``None``. One query."""
        parameters = self._parameters.copy()
        parameters[self._key_position] = self._prepare(key, self._connection)
        with self._connection.cursor() as cursor:
            cursor.execute(self._sql, parameters)
            raw = cursor.fetchone()
        if raw is None:
            return None
        (values,) = self._compiler.apply_converters([raw], self._converters)
        row: M = self._row.from_values(values)
        for set_on, related in self._related:
            set_on(row, related.from_values(values))
        for name, position in self._compiler.annotation_col_map.items():
            setattr(row, name, values[position])
        return row


class _InstanceMaker:
    """Makes instances of one model from its columns."""

    def __init__(self, compiler: Any, info: Any) -> None:
        self._model = info["model"]
        self._alias = compiler.connection.alias
        self._positions = info["select_fields"]
        self._names = [compiler.select[position][0].target.attname for position in self._positions]
        self._key = self._positions[self._names.index(self._model._meta.pk.attname)]
        first, *others = self._positions
        # With one position itemgetter returns the value and not a tuple.
        self._pick: Any = itemgetter(*self._positions) if others else lambda values: (values[first],)

    def from_values(self, values: Any) -> Any:
        """Return the instance, or ``None`` where the join found none."""
        if values[self._key] is None:
            return None
        return self._model.from_db(self._alias, self._names, self._pick(values))


def cached_on(
    connection: Any, name: Hashable, compile_it: Callable[[], PreparedQuery[M]]
) -> PreparedQuery[M]:
    """
    Return the query of that *name*, compiled on first use of the connection.

    It is kept on the connection, which only its own thread uses.
    """
    kept: dict[Hashable, PreparedQuery[M]] = connection.__dict__.setdefault("_authkit_prepared", {})
    query = kept.get(name)
    if query is None:
        query = kept[name] = compile_it()
    return query
