"""The settings of a worker: the project's, with what its orders change."""

from importlib import import_module

from django_authkit.compare.worker.orders import Orders
from django_authkit.compare.worker.rewriting import rewritten

_orders = Orders.received()
_project = import_module(_orders.settings)
globals().update(rewritten({n: getattr(_project, n) for n in dir(_project) if n.isupper()}, _orders))
