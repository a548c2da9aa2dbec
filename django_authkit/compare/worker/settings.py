"""The settings of a worker: the project's, with the changes in its configuration."""

from importlib import import_module

from django_authkit.compare.worker.config import WorkerConfig
from django_authkit.compare.worker.settings_overrides import worker_settings

_config = WorkerConfig.from_environment()
_project = import_module(_config.settings)
globals().update(worker_settings({n: getattr(_project, n) for n in dir(_project) if n.isupper()}, _config))
