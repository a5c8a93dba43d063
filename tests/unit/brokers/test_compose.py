"""docker-compose.kafka.yml is what the documentation says; no engine is needed to see that."""

import re
from pathlib import Path
from typing import Any

import pytest

from app.brokers import docker, jars

yaml = pytest.importorskip("yaml")
ROOT = Path(__file__).parents[3]
PORTS = {"kafka": 9092, "redis": 6379, "worker": 6066, "prometheus": 9090, "grafana": 3000}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    stack: dict[str, Any] = yaml.safe_load(docker.COMPOSE_FILE.read_text())["services"]
    return stack


def test_everything_is_published_on_the_loopback_address_alone(services: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}

    assert published == {name: [f"127.0.0.1:{port}:{port}"] for name, port in PORTS.items()}


def test_every_image_is_pinned(services: dict[str, Any]) -> None:
    images = {service["image"] for service in services.values()}

    assert all(re.search(r":v?\d+\.\d+\.\d+$|^penstock:local$", image) for image in images)


def test_the_container_runs_the_kafka_of_the_pom(services: dict[str, Any]) -> None:
    assert services["kafka"]["image"] == f"apache/kafka:{jars.pinned_version()}"


def test_every_server_has_a_health_check(services: dict[str, Any]) -> None:
    assert {name for name, service in services.items() if "healthcheck" in service} == set(PORTS)


def test_a_worker_waits_for_its_topics_and_its_redis(services: dict[str, Any]) -> None:
    awaited = {name: on["condition"] for name, on in services["worker"]["depends_on"].items()}

    assert awaited == {"topics": "service_completed_successfully", "redis": "service_healthy"}
    assert services["topics"]["depends_on"]["kafka"]["condition"] == "service_healthy"


def test_redis_keeps_what_it_is_told(services: dict[str, Any]) -> None:
    assert services["redis"]["command"][1:3] == ["--appendonly", "yes"]


def test_everything_that_is_mounted_or_built_exists(services: dict[str, Any]) -> None:
    mounts = [mount for service in services.values() for mount in service.get("volumes", ())]
    folders = [mount.split(":")[0] for mount in mounts if mount.startswith("./")]
    dockerfiles = {service["build"]["dockerfile"] for service in services.values() if "build" in service}

    assert len(folders) == 3
    assert all((ROOT / folder).is_dir() for folder in folders)
    assert dockerfiles == {"deploy/Dockerfile"}
    assert (ROOT / "deploy" / "Dockerfile").is_file()


def test_the_containers_of_penstock_broker_are_there(services: dict[str, Any]) -> None:
    assert set(docker.SERVICES) <= set(services)
    assert (PORTS["kafka"], PORTS["redis"]) == (docker.KAFKA_PORT, docker.REDIS_PORT)


def test_prometheus_scrapes_the_worker() -> None:
    scrape = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())

    targets = [
        target
        for job in scrape["scrape_configs"]
        for group in job["static_configs"]
        for target in group["targets"]
    ]
    assert f"worker:{PORTS['worker']}" in targets


def test_grafana_reads_prometheus_and_the_generated_dashboards(services: dict[str, Any]) -> None:
    provisioning = ROOT / "deploy/grafana/provisioning"
    source = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())["datasources"][0]
    provider = yaml.safe_load((provisioning / "dashboards/penstock.yml").read_text())["providers"][0]

    assert source["url"] == f"http://prometheus:{PORTS['prometheus']}"
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in services["grafana"]["volumes"]
