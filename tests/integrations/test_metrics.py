"""Traces and metrics, with the real SDK of OpenTelemetry and the real client of Prometheus."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import include, path
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from django_authkit import revoke
from django_authkit.contrib.opentelemetry import instrumentation as opentelemetry
from django_authkit.contrib.prometheus import instrumentation as prometheus
from django_authkit.errors import StoreUnavailable
from django_authkit.stores.database.store import DatabaseStore
from django_authkit.stores.observation import CALLS
from django_authkit.types import Transport
from django_authkit.wiring import get_replica, get_store, replica_age
from support.bound_browser import bind
from support.client import PASSWORD, Device
from support.dpop_client import ProvingDevice
from support.live_site import LiveSite, by_header, in_jwt_mode, in_session_mode


def metrics(request: HttpRequest) -> HttpResponse:
    """Show the default registry, as the documentation says."""
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


urlpatterns = [path("metrics", metrics), path("", include("projects.integrations_urls"))]

DASHBOARD = Path(__file__).parents[2] / "docs" / "how-to" / "grafana-dashboard.json"


class Telemetry:
    """What was reported to OpenTelemetry in one test."""

    def __init__(self) -> None:
        self.spans = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        self.tracer_provider = TracerProvider()
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.spans))
        self.meter_provider = MeterProvider([self.reader])

    def points(self, name: str) -> list[Any]:
        """Return the data points of a metric."""
        data = self.reader.get_metrics_data()
        scopes = [scope for each in (data.resource_metrics if data else ()) for scope in each.scope_metrics]
        metrics = [metric for scope in scopes for metric in scope.metrics]
        return [point for each in metrics if each.name == name for point in each.data.data_points]

    def counted(self, name: str) -> dict[tuple[str, ...], int]:
        """Return how often an event was counted, by the values of its labels."""
        return {tuple(point.attributes.values()): point.value for point in self.points(f"authkit.{name}")}

    def calls(self) -> list[ReadableSpan]:
        """Return the spans since the last call of this."""
        spans = list(self.spans.get_finished_spans())
        self.spans.clear()
        return spans


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    """Return what OpenTelemetry gets during the test."""
    reported = Telemetry()
    end = opentelemetry.instrument(
        tracer_provider=reported.tracer_provider, meter_provider=reported.meter_provider
    )
    yield reported
    end()
    reported.meter_provider.shutdown()


@pytest.fixture
def scraped(site: LiveSite) -> Iterator[None]:
    """Report to the default registry of Prometheus, which django-prometheus shows."""
    site.settings.ROOT_URLCONF = __name__
    end = prometheus.instrument()
    yield
    end()


def value(name: str, **labels: str) -> float:
    """Return the value of a metric of Prometheus; 0 if there is none yet."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


@by_header
def test_each_call_of_the_store_is_a_span(telemetry: Telemetry, site: LiveSite, ada: User) -> None:
    """A span has the call and the kind of store, a duration, and nothing of the arguments."""
    device = site.logged_in("ada")
    telemetry.calls()
    device.who()
    kind = "database" if isinstance(get_store(), DatabaseStore) else "redis"
    looked_up = "load" if site.is_jwt else "touch"
    spans = telemetry.calls()
    assert [span.name for span in spans] == [f"authkit.store {looked_up}"]
    assert dict(spans[0].attributes or {}) == {"authkit.store": kind, "authkit.call": looked_up}
    assert spans[0].kind is SpanKind.CLIENT
    (point,) = [
        each
        for each in telemetry.points("authkit.store.duration")
        if each.attributes["authkit.call"] == looked_up
    ]
    assert point.count >= 1
    assert 0 < point.sum < 60


@by_header
def test_what_happens_to_logins_is_counted(telemetry: Telemetry, site: LiveSite, ada: User) -> None:
    """Logins, failures, and revocations by reason; in JWT mode also refreshes, repeats and reuse by class."""
    device = site.logged_in("ada")
    site.device().log_in("ada", password="wrong")
    assert telemetry.counted("logins") == {(str(site.mode),): 1}
    assert telemetry.counted("login_failures") == {(): 1}
    old = device.copy()
    assert device.refresh().status_code == 200
    if site.is_jwt:
        assert old.copy().refresh().status_code == 200
        assert telemetry.counted("refreshes") == {(): 1}
        assert telemetry.counted("refresh_repeats") == {(): 1}
        site.advance(minutes=1)
        assert old.refresh().status_code == 401
        assert telemetry.counted("refresh_reuses") == {("previous",): 1}
        assert telemetry.counted("revocations") == {("reuse",): 1}
    other = site.logged_in("ada")
    other.log_out()
    assert telemetry.counted("revocations")[("logout",)] == 1


@by_header
@pytest.mark.parametrize("where", ["valkey"], indirect=True)
def test_bindings_are_counted(telemetry: Telemetry, site: LiveSite, ada: User) -> None:
    """A browser that registers a key, and an app that logs in with a proof, each under its own label."""
    site.logged_in("ada")
    assert ProvingDevice(site.mode).log_in().status_code == 200
    assert telemetry.counted("bindings") == {("dpop",): 1}
    site.configure(DEVICE_BOUND="offer")
    browser = Device(site.mode, Transport.COOKIE)
    bind(browser, browser.log_in())
    assert telemetry.counted("bindings") == {("dpop",): 1, ("device",): 1}


@by_header
def test_refused_attempts_are_counted_by_scope(telemetry: Telemetry, site: LiveSite, ada: User) -> None:
    """One that is refused because of too many counts as that, and not as a failure."""
    site.configure(RATES={"LOGIN": "2/min"})
    statuses = [site.device().log_in("ada", password="wrong").status_code for _ in range(4)]
    assert statuses == [401, 401, 429, 429]
    assert telemetry.counted("refused_attempts") == {("login",): 2}
    assert telemetry.counted("login_failures") == {(): 2}


@by_header
def test_nothing_that_is_reported_identifies_a_person(
    telemetry: Telemetry, scraped: None, site: LiveSite, ada: User
) -> None:
    """No span and no label has a name, a primary key, an address, a sid or a credential."""
    device = site.device()
    device.address = "198.51.100.77"
    device.log_in("ada")
    sid = site.sids(ada)[0]
    device.address = "203.0.113.77"
    device.refresh()
    device.who()
    device.log_out()
    site.device().log_in("ada", password="wrong")
    told = [span.to_json() for span in telemetry.calls()]
    data = telemetry.reader.get_metrics_data()
    assert data is not None
    told += [data.to_json(), site.device().get("/metrics").content.decode()]
    for text in told:
        for secret in ("ada", PASSWORD, sid, device.access or "-none-", "198.51.100.77", "203.0.113.77"):
            assert f'"{secret}"' not in text
        assert "user" not in " ".join(re.findall(r'(\w+)="', text))


@by_header
def test_a_store_that_nobody_observes_is_not_changed(site: LiveSite, ada: User) -> None:
    """Its methods are those of its class before and after; while it is observed, each of them reports."""
    assert not set(vars(get_store())) & set(CALLS)
    telemetry = Telemetry()
    end = opentelemetry.instrument(
        tracer_provider=telemetry.tracer_provider, meter_provider=telemetry.meter_provider
    )
    assert set(CALLS) <= set(vars(get_store()))
    device = site.logged_in("ada")
    assert telemetry.calls()
    end()
    assert not set(vars(get_store())) & set(CALLS)
    device.log_out()
    assert telemetry.calls() == []
    assert telemetry.counted("revocations") == {}
    telemetry.meter_provider.shutdown()


@by_header
@pytest.mark.parametrize("where", ["valkey"], indirect=True)
def test_a_store_that_does_not_answer_is_an_error(
    telemetry: Telemetry, scraped: None, site: LiveSite, ada: User
) -> None:
    """The span has the error's class, and Prometheus counts the call as a failure."""
    site.logged_in("ada")
    (sid,) = site.sids(ada)
    telemetry.calls()
    there = site.settings.CACHES
    site.settings.CACHES = {**there, "authkit": {**there["authkit"], "LOCATION": "redis://127.0.0.1:1/0"}}
    with pytest.raises(StoreUnavailable):
        get_store().load(sid)
    site.settings.CACHES = there
    (span,) = telemetry.calls()
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "StoreUnavailable"
    assert not span.events
    assert value("authkit_store_failures_total", store="redis", call="load") == 1


@by_header
def test_prometheus_gets_the_same_as_text(scraped: None, site: LiveSite, ada: User) -> None:
    """The text has the counters with their labels, and the duration of each call of the store."""
    device = site.logged_in("ada")
    device.refresh()
    revoke(site.sids(ada)[0])
    text = site.device().get("/metrics").content.decode()
    kind = "database" if isinstance(get_store(), DatabaseStore) else "redis"
    assert f'authkit_logins_total{{mode="{site.mode}"}} 1.0' in text
    assert 'authkit_revocations_total{reason="revoked"} 1.0' in text
    assert f"authkit_refreshes_total {float(site.is_jwt)}" in text
    assert f'authkit_store_seconds_count{{call="create",store="{kind}"}} 1.0' in text
    assert "# HELP authkit_replica_age_seconds" in text


@in_session_mode
@by_header
def test_django_prometheus_shows_it(scraped: None, site: LiveSite, ada: User) -> None:
    """Its view shows the default registry, which ours are in."""
    exports = pytest.importorskip("django_prometheus.exports", reason="it installs with Django up to 6.0")
    site.logged_in("ada")
    text = exports.ExportToDjangoView(RequestFactory().get("/metrics")).content.decode()
    assert 'authkit_logins_total{mode="session"} 1.0' in text


@in_jwt_mode
@by_header
@pytest.mark.parametrize("where", ["valkey"], indirect=True)
def test_the_age_of_the_copy_of_the_blacklist_is_told(
    telemetry: Telemetry, scraped: None, site: LiveSite, ada: User
) -> None:
    """OpenTelemetry asks for it; Prometheus has it from the end of the last request."""
    assert telemetry.points("authkit.replica.age") == []
    site.configure(ACCESS_CHECK="replica")
    device = site.logged_in("ada")
    assert get_replica().wait_until_fresh(10)
    assert device.who().status_code == 200
    (point,) = telemetry.points("authkit.replica.age")
    assert 0 <= point.value < 10
    assert replica_age() is not None
    assert 0 < value("authkit_replica_age_seconds") < 10


@in_session_mode
@by_header
def test_the_dashboard_asks_for_metrics_that_exist(scraped: None, site: LiveSite) -> None:
    """Each expression of the Grafana dashboard names metrics that the registry has, and each is on it."""
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    names = {name for each in asked for name in re.findall(r"authkit_\w+", each)}
    known = {metric.name for metric in REGISTRY.collect() if metric.name.startswith("authkit_")}
    suffixes = re.compile(r"_(total|bucket|count|sum)$")
    assert {suffixes.sub("", name) for name in names} == known


START = """
import django
from django.conf import settings

settings.configure(
    AUTHKIT_MODE="session",
    SECRET_KEY="x" * 50,
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "django_authkit",
        "django_authkit.contrib.opentelemetry",
        "django_authkit.contrib.prometheus",
    ],
)
django.setup()

from prometheus_client import REGISTRY

from django_authkit.wiring import get_store

metrics = [each for each in REGISTRY.collect() if each.name.startswith("authkit_")]
print(len(metrics), "load" in vars(get_store()))
"""


def test_the_apps_report_from_the_start_of_the_project() -> None:
    """With them in ``INSTALLED_APPS`` the metrics are in the default registry, and the store is observed."""
    ran = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["14", "True"]
