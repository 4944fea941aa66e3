"""What the chart renders: valid for Kubernetes, hardened, and in agreement with the code.

The rendered manifests are committed. `test_chart.py` holds them to the chart where there is Helm.
"""

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable

import jsonschema
import kubernetes_validate
import pytest
import yaml

from bearing_stream.cli import EXTRAS
from bearing_stream.commands.alarms.notify.receivers_file import parse as receivers_of
from bearing_stream.commands.alarms.notify.service import STOP_LIMIT
from bearing_stream.commands.alarms.notify.settings import NotifySettings
from bearing_stream.commands.alarms.settings import AlarmSettings
from bearing_stream.commands.alarms.topics import COMPACTED, HISTORY
from bearing_stream.commands.page.settings import PageSettings
from bearing_stream.commands.serve.settings import ApiSettings
from bearing_stream.config import ENVIRONMENT_PREFIX, Settings, load
from consumer.liveness.shutdown import SHUTDOWN_LIMIT
from consumer.settings import ConsumerSettings
from tests.deploy.manifests import (
    SPECIFICATIONS,
    Manifest,
    container,
    environment,
    manifests,
    of_kind,
    workloads,
)
from tests.paths import ROOT
from tools.deploy.acls import documented_grants
from tools.deploy.render import RENDERED, cases

KUBERNETES = ("1.35", "1.36", "1.37")
"""The three versions that were supported when this was written."""

SETTINGS: dict[str, type[Settings]] = {
    "consume": ConsumerSettings,
    "alarms": AlarmSettings,
    "alarms notify": NotifySettings,
    "page": PageSettings,
    "serve": ApiSettings,
}

FROM_ELSEWHERE = "a-name-or-a-token"
"""Stands for a value that Kubernetes takes from a Secret or from the pod."""

WORKLOADS = [(case, component) for case in cases() for component in workloads(case)]

STAGES = [(case, component) for case, component in WORKLOADS if component in ("consumer", "alarms")]


@pytest.mark.parametrize("case", cases())
def test_every_object_is_valid(case: str) -> None:
    for each in manifests(case):
        kind = (each["apiVersion"], each["kind"])
        if kind in SPECIFICATIONS:
            jsonschema.validate(each["spec"], SPECIFICATIONS[kind])
            continue
        for version in KUBERNETES:
            kubernetes_validate.validate(each, version, strict=True)


@pytest.mark.parametrize("case", cases())
def test_no_two_objects_have_the_same_name(case: str) -> None:
    names = [(each["kind"], each["metadata"]["name"]) for each in manifests(case)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("case", "component"), WORKLOADS)
def test_the_pods_meet_the_restricted_standard_and_write_nowhere(case: str, component: str) -> None:
    workload = workloads(case)[component]
    pod = workload["spec"]["template"]["spec"]
    security = container(workload)["securityContext"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert security["allowPrivilegeEscalation"] is False
    assert security["readOnlyRootFilesystem"] is True
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert pod["automountServiceAccountToken"] is False
    assert "memory" in container(workload)["resources"]["limits"]
    user = re.search(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text(), re.M)
    assert user
    assert str(pod["securityContext"]["runAsUser"]) == user[1]
    writable = [
        mount["mountPath"]
        for mount in container(workload)["volumeMounts"]
        if not mount.get("readOnly")
    ]
    assert writable == ["/tmp"]


@pytest.mark.parametrize(("case", "component"), WORKLOADS)
def test_commands_and_settings_exist(
    case: str, component: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    workload = workloads(case)[component]
    command = " ".join(container(workload)["args"])
    names = SETTINGS[command].model_fields
    for variable, value in environment(workload).items():
        if variable.startswith(ENVIRONMENT_PREFIX):
            assert variable.removeprefix(ENVIRONMENT_PREFIX).lower() in names, variable
            monkeypatch.setenv(variable, FROM_ELSEWHERE if value is None else value)
    load(SETTINGS[command], {})  # raises on a value that is none


@pytest.mark.parametrize(("case", "component"), WORKLOADS)
def test_probes_ask_the_port_that_the_command_listens_on(case: str, component: str) -> None:
    workload = workloads(case)[component]
    [port] = container(workload)["ports"]
    variable = "PORT" if component in ("page", "serve") else "METRICS_PORT"
    values = environment(workload)
    assert values[f"{ENVIRONMENT_PREFIX}{variable}"] == str(port["containerPort"])
    assert values[f"{ENVIRONMENT_PREFIX}{variable.replace('PORT', 'HOST')}"] == "0.0.0.0"
    probes = {
        name: container(workload)[f"{name}Probe"]["httpGet"]
        for name in ("startup", "liveness", "readiness")
    }
    assert {probe["port"] for probe in probes.values()} == {port["name"]}
    paths = {name: probe["path"] for name, probe in probes.items()}
    # The page stays reachable while Kafka is away, and shows that.
    ready = "/livez" if component == "page" else "/readyz"
    assert paths == {"startup": "/livez", "liveness": "/livez", "readiness": ready}


@pytest.mark.parametrize(("case", "component"), STAGES)
def test_a_stage_keeps_its_name_and_has_time_to_stop(case: str, component: str) -> None:
    stage = workloads(case)[component]
    assert stage["kind"] == "StatefulSet"
    assert stage["spec"]["podManagementPolicy"] == "Parallel"
    assert stage["spec"]["serviceName"] in of_kind(case, "Service")
    assert stage["metadata"]["name"] in of_kind(case, "PodDisruptionBudget")
    variables = {each["name"]: each for each in container(stage)["env"]}
    source = variables["BEARING_STREAM_INSTANCE_ID"]["valueFrom"]
    assert source == {"fieldRef": {"fieldPath": "metadata.name"}}
    grace = stage["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert grace >= max(30, SHUTDOWN_LIMIT)


def test_the_notifier_finds_its_receivers_and_their_secrets() -> None:
    notify = workloads("everything")["notify"]
    assert notify["spec"]["replicas"] == 1
    assert notify["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > STOP_LIMIT
    volumes = {each["name"]: each for each in notify["spec"]["template"]["spec"]["volumes"]}
    assert volumes["receivers"]["configMap"] == {"name": "notifiers"}
    assert volumes["secrets"]["secret"] == {"secretName": "notifier-secrets"}
    mounted = {each["name"]: each["mountPath"] for each in container(notify)["volumeMounts"]}
    assert mounted["secrets"] == "/run/secrets/bearing-stream"
    path = environment(notify)["BEARING_STREAM_RECEIVERS"]
    assert path == f"{mounted['receivers']}/notifiers.toml"
    [policy] = [
        each for name, each in of_kind("everything", "NetworkPolicy").items() if "notify" in name
    ]
    assert {"port": 443, "protocol": "TCP"} in [
        port for rule in policy["spec"]["egress"] for port in rule["ports"]
    ]


@pytest.mark.parametrize("case", cases())
def test_what_selects_pods_selects_those_of_one_component(case: str) -> None:
    pods = {
        component: workload["spec"]["template"]["metadata"]["labels"]
        for component, workload in workloads(case).items()
    }
    for each in manifests(case):
        spec = each.get("spec", {})
        selector = spec.get("podSelector", spec.get("selector"))
        if selector is None or each["kind"] == "ServiceMonitor":
            continue
        wanted = selector.get("matchLabels", selector)
        selected = [name for name, labels in pods.items() if wanted.items() <= labels.items()]
        assert selected == [each["metadata"]["labels"]["app.kubernetes.io/component"]]


def test_the_scrapes_find_the_ports_of_the_metrics() -> None:
    monitors = of_kind("everything", "ServiceMonitor")
    assert {name.rpartition("-")[2] for name in monitors} == {"consumer", "alarms", "notify"}
    for name, monitor in monitors.items():
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        [service] = [
            each
            for each in of_kind("everything", "Service").values()
            if wanted <= each["metadata"]["labels"].items()
        ]
        assert service["metadata"]["name"] == name
        assert service["spec"]["clusterIP"] == "None", "each pod is scraped"
        ports = {port["name"] for port in service["spec"]["ports"]}
        assert {endpoint["port"] for endpoint in monitor["spec"]["endpoints"]} <= ports


def test_the_scaler_counts_the_lag_of_this_release_and_never_stops_all_consumers() -> None:
    [scaler] = of_kind("everything", "ScaledObject").values()
    consumer = workloads("everything")["consumer"]
    assert "replicas" not in consumer["spec"], "two would set it"
    assert scaler["spec"]["scaleTargetRef"]["name"] == consumer["metadata"]["name"]
    [trigger] = scaler["spec"]["triggers"]
    query = trigger["metadata"]["query"]
    assert "bearing_stream_lag{" in query
    assert f'service="{consumer["spec"]["serviceName"]}"' in query
    assert f'namespace="{consumer["metadata"]["namespace"]}"' in query
    assert scaler["spec"]["minReplicaCount"] >= 1
    [topic, *_] = of_kind("everything", "KafkaTopic").values()
    assert scaler["spec"]["maxReplicaCount"] <= topic["spec"]["partitions"]


def documented(command: str) -> set[tuple[str, ...]]:
    """Return the ACLs of a command in SECURITY.md, as Strimzi names them."""
    kinds = {"--topic": "topic", "--group": "group", "--transactional-id": "transactionalId"}
    patterns = {"literal": "literal", "prefixed": "prefix"}
    return {
        (kinds[each.kind], each.name, patterns[each.pattern], each.operation)
        for each in documented_grants()[command]
    }


def granted(user: Manifest) -> set[tuple[str, ...]]:
    return {
        (*(acl["resource"][key] for key in ("type", "name", "patternType")), operation)
        for acl in user["spec"]["authorization"]["acls"]
        for operation in acl["operations"]
    }


def test_the_users_of_strimzi_have_the_acls_of_security_md() -> None:
    users = of_kind("everything", "KafkaUser")
    assert granted(users["bearing-stream-consumer"]) == documented("consume")
    assert granted(users["bearing-stream-alarms"]) == documented("alarms")
    assert granted(users["bearing-stream-notify"]) == documented("alarms notify")
    of_page = documented("page") | documented("alarms on the page")
    assert granted(users["bearing-stream-page"]) == of_page
    assert granted(users["gateway-1"]) == documented("simulate")
    # Each reads the Secret that Strimzi makes for its user, which has the user's name.
    for component in ("consumer", "alarms", "notify", "page"):
        volumes = workloads("everything")[component]["spec"]["template"]["spec"]["volumes"]
        secrets = {each["secret"]["secretName"] for each in volumes if "secret" in each}
        assert f"bearing-stream-{component}" in secrets


def test_a_dead_letter_of_the_largest_window_fits() -> None:
    topics = {
        each["spec"]["topicName"]: each["spec"]["config"]
        for each in of_kind("everything", "KafkaTopic").values()
    }
    assert topics["bearing.dead-letters"]["max.message.bytes"] >= 2 * 1024 * 1024


def test_the_topics_are_those_of_the_commands_and_configured_as_these_create_them() -> None:
    topics = {
        each["spec"]["topicName"]: each["spec"]
        for each in of_kind("everything", "KafkaTopic").values()
    }
    of_alarms = AlarmSettings().alarm_topics
    assert topics.keys() == {
        *("bearing.windows", "bearing.diagnoses", "bearing.dead-letters"),
        *of_alarms,
    }
    assert len({each["partitions"] for each in topics.values()}) == 1, "alarms lie with diagnoses"
    for name in of_alarms:
        created = COMPACTED if name in (of_alarms.alarms, of_alarms.state) else HISTORY
        given = {key: str(value) for key, value in topics[name]["config"].items()}
        # To delete is the default.
        assert given.items() >= created.items() - {("cleanup.policy", "delete")}


@pytest.mark.parametrize("case", cases())
def test_no_secret_is_written_out(case: str) -> None:
    for workload in workloads(case).values():
        properties = json.loads(environment(workload).get("BEARING_STREAM_KAFKA") or "{}")
        assert properties.get("sasl.password", "$(KAFKA_PASSWORD)") == "$(KAFKA_PASSWORD)"
        names = [each["name"] for each in container(workload)["env"]]
        if "sasl.password" in properties:
            # Kubernetes replaces a reference to a variable that is defined before.
            assert names.index("KAFKA_PASSWORD") < names.index("BEARING_STREAM_KAFKA")
    assert of_kind(case, "Secret") == {}


def test_the_image_has_what_the_commands_need() -> None:
    built = re.search(r"^ARG EXTRAS=(.*)$", (ROOT / "Dockerfile").read_text(), re.M)
    assert built
    commands = {
        argument
        for case in cases()
        for workload in workloads(case).values()
        for argument in container(workload)["args"]
    } | {"transactions"}
    # `consume --metrics-port` takes `metrics`, and `--otlp` takes `otel`.
    needed = {EXTRAS[each] for each in commands if each in EXTRAS} | {"metrics", "otel"}
    assert set(built[1].split(",")) == needed


def test_chart_and_package_have_the_same_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for case in cases():
        for component, workload in workloads(case).items():
            assert container(workload)["image"].endswith(f":{project['version']}"), component


@pytest.fixture(scope="module")
def kustomize() -> Callable[[str], list[Manifest]]:
    """Returns what Kustomize builds of a folder."""
    if shutil.which("kubectl") is None:
        pytest.skip("there is no kubectl")

    def build(folder: str) -> list[Manifest]:
        command = ["kubectl", "kustomize", str(ROOT / "deploy" / "kustomize" / folder)]
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
        built: list[Manifest] = list(yaml.safe_load_all(ran.stdout))
        for each in built:
            kubernetes_validate.validate(each, KUBERNETES[-1], strict=True)
        return built

    return build


def test_kustomize_builds_the_example(kustomize: Callable[[str], list[Manifest]]) -> None:
    [consumer] = [each for each in kustomize("example") if each["kind"] == "StatefulSet"]
    assert consumer["spec"]["replicas"] == 3
    assert container(consumer)["image"] == "registry.example.com/bearing-stream:0.1.0"
    values = environment(consumer)
    assert values["BEARING_STREAM_BOOTSTRAP_SERVERS"] == "kafka.example.com:9092"
    assert values["BEARING_STREAM_GROUP"] == "bearing-stream"


def test_kustomize_adds_alarms_to_the_example(kustomize: Callable[[str], list[Manifest]]) -> None:
    built = {(each["kind"], each["metadata"]["name"]): each for each in kustomize("alarms")}
    alarms = built["StatefulSet", "bearing-stream-alarms"]
    notify = built["Deployment", "bearing-stream-notify"]
    for workload in (alarms, notify, built["StatefulSet", "bearing-stream-consumer"]):
        assert workload["metadata"]["namespace"] == "bearings"
        assert container(workload)["image"] == "registry.example.com/bearing-stream:0.1.0"
        values = environment(workload)
        assert values["BEARING_STREAM_BOOTSTRAP_SERVERS"] == "kafka.example.com:9092"
    volumes = {each["name"]: each for each in notify["spec"]["template"]["spec"]["volumes"]}
    receivers = built["ConfigMap", volumes["receivers"]["configMap"]["name"]]["data"]
    assert receivers_of(receivers["notifiers.toml"])


def test_the_base_of_kustomize_is_an_example_of_the_chart() -> None:
    base = yaml.safe_load((RENDERED / "kustomization.yaml").read_text(encoding="utf-8"))
    assert base["resources"] == ["default.yaml"]
