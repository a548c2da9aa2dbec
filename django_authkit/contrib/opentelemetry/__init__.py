"""The app that reports traces and metrics to OpenTelemetry; ``instrumentation`` has what it calls."""
