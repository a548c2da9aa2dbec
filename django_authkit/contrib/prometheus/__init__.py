"""The app that reports metrics to Prometheus; ``instrumentation`` has what it calls."""
