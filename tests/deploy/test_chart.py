"""The chart: its schema, the files that are made from the code, and what real Helm renders."""

import json
import subprocess
from typing import Any

import jsonschema
import pytest
import yaml

from tools.deploy.acls import chart_acls
from tools.deploy.render import KUBERNETES, RENDERED, SUFFIX, cases, copies, helm, render, rendered
from tools.deploy.values import CHART, schema, values

REGENERATE = "run `python -m tools.deploy`"


@pytest.fixture(scope="module")
def program() -> str:
    found = helm()
    if found is None:
        pytest.skip("there is no helm on the path, nor in HELM")
    return found


def defaults() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    return loaded


def check(given: dict[str, Any]) -> None:
    jsonschema.validate(given, json.loads(schema()))


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the defaults with one value changed."""
    given = defaults()
    *sections, key = path.split(".")
    place = given
    for section in sections:
        place = place[section]
    place[key] = value
    return given


def test_what_is_made_from_the_code_is_up_to_date() -> None:
    assert (CHART / "files" / "acls.json").read_text(encoding="utf-8") == chart_acls(), REGENERATE
    assert (CHART / "values.schema.json").read_text(encoding="utf-8") == schema(), REGENERATE
    for target, source in copies().items():
        assert target.exists(), REGENERATE
        assert target.read_bytes() == source.read_bytes(), REGENERATE


@pytest.mark.parametrize("case", cases())
def test_what_is_rendered_is_up_to_date(program: str, case: str) -> None:
    # Of two versions of Helm, one leaves a blank line between objects.
    committed = rendered(case).read_text(encoding="utf-8")
    anew = render(program, case)
    assert list(yaml.safe_load_all(committed)) == list(yaml.safe_load_all(anew)), REGENERATE


def test_nothing_is_rendered_from_an_example_that_is_gone() -> None:
    files = {path for path in RENDERED.rglob("*.yaml") if path.stem != "kustomization"}
    assert files == {rendered(case) for case in cases()}


def test_every_value_has_a_meaning_that_ends_a_sentence() -> None:
    assert [each.path for each in values() if not each.meaning.endswith(".")] == []


def test_the_defaults_and_the_examples_satisfy_the_schema() -> None:
    check(defaults())
    for case in cases():
        check(yaml.safe_load((CHART / "ci" / (case + SUFFIX)).read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("consumer.replica", 3),
        ("consumer.replicas", "3"),
        ("consumer.settings", {"instance_id": "mine"}),
        ("consumer.settings", {"max-delay": 1}),
        ("consumer.settings", {"max_dely": 1}),
        ("consumer.settings", {"max_delay": "abc"}),
        ("consumer.settings", {"max_delay": -1}),
        ("consumer.settings", {"batch_size": 1.5}),
        ("consumer.settings", {"uncertain_as_unknown": "maybe"}),
        ("consumer.settings", {"guarantee": "at-most-once"}),
        ("topics.windows", "a/b c"),
        ("fullnameOverride", "Foo_Bar"),
        ("monitoring.rules.runbooks", "docs"),
        ("page.settings", {"max_delay": 1}),
        ("consumer.metricsPort", 70_000),
        ("consumer.terminationGracePeriodSeconds", 5),
        ("alarms.settings", {"alarm_events_topic": "mine"}),
        ("alarms.replicas", -1),
        ("notify.settings", {"receivers": "mine.toml"}),
        ("notify.replicas", 2),
        ("image.digest", "latest"),
        ("kafka.auth.type", "plain"),
        ("kafka.properties", {"sasl.password": "p"}),
        ("keda.minReplicas", 0),
        ("monitoring.otlp.endpoint", "collector:4318"),
        ("networkPolicy.kafkaPorts", []),
        ("strimzi.topics.partitions", 0),
    ],
)
def test_a_mistake_is_refused(path: str, value: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        check(changed(path, value))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--set=kafka.bootstrapServers="], "set kafka.bootstrapServers"),
        (["--set=consumer.replica=3"], "replica"),
        (["--set=monitoring.otlp.enabled=true"], "set monitoring.otlp.endpoint"),
        (["--set=page.enabled=true"], "set page.tokenSecret"),
        (["--set=notify.enabled=true"], "set notify.receivers.configMap"),
        (["--set=strimzi.topics.enabled=true"], "set strimzi.cluster"),
        (
            ["--set=strimzi.topics.enabled=true,strimzi.cluster=c,strimzi.topics.replicas=1"],
            "nothing could be written",
        ),
        (["--set=kafka.auth.type=tls"], "needs kafka.tls.enabled"),
        (
            ["--set=keda.enabled=true,keda.minReplicas=8,keda.maxReplicas=3"],
            "keda.minReplicas is 8",
        ),
        (
            ["--set=strimzi.users.enabled=true", "--set=strimzi.cluster=plant"],
            "needs kafka.auth.type",
        ),
    ],
)
def test_helm_names_the_mistake(program: str, arguments: list[str], expected: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        render(program, "default", *arguments)
    assert expected in caught.value.stderr


def test_a_topic_without_configuration_has_the_brokers(program: str) -> None:
    switches = "--set=strimzi.topics.enabled=true,strimzi.cluster=c,strimzi.topics.windows=null"
    objects = yaml.safe_load_all(render(program, "default", switches))
    specs = [one["spec"] for one in objects if one and one["kind"] == "KafkaTopic"]
    assert ["config" in spec for spec in specs] == [False, True, True]


def test_helm_lints_it(program: str) -> None:
    example = f"--values={CHART / 'ci' / ('default' + SUFFIX)}"
    arguments = ["lint", "--strict", f"--kube-version={KUBERNETES}", str(CHART), example]
    subprocess.run([program, *arguments], check=True)


@pytest.mark.parametrize(
    ("address", "port"),
    [("http://collector:4318", 4318), ("https://a.example/otlp", 443), ("http://[::1]/x", 80)],
)
def test_the_policy_permits_the_port_of_the_collector(
    program: str, address: str, port: int
) -> None:
    enabled = ("networkPolicy", "monitoring.otlp", "alarms", "page")
    switches = [*(f"--set={name}.enabled=true" for name in enabled), "--set=page.tokenSecret=x"]
    text = render(program, "default", *switches, f"--set-string=monitoring.otlp.endpoint={address}")
    policies = {
        each["metadata"]["labels"]["app.kubernetes.io/component"]: {
            one["port"] for rule in each["spec"]["egress"] for one in rule["ports"]
        }
        for each in yaml.safe_load_all(text)
        if each and each["kind"] == "NetworkPolicy"
    }
    kafka = {53, 9092, 9093}
    assert policies["consumer"] == policies["alarms"] == kafka | {port}
    assert policies["page"] == kafka


@pytest.mark.parametrize(("kind", "file"), [("rules", "rules.yml"), ("dashboards", "dashboards")])
def test_rules_and_dashboards_are_in_the_chart_or_named_as_missing(
    program: str, kind: str, file: str
) -> None:
    switch = f"--set=monitoring.{kind}.enabled=true"
    if (CHART / "files" / file).exists():
        assert render(program, "default", switch)
        return
    with pytest.raises(subprocess.CalledProcessError) as caught:
        render(program, "default", switch)
    assert f"packaged without {kind}" in caught.value.stderr


def test_the_image_can_be_pinned_by_digest(program: str) -> None:
    digest = "sha256:" + "0" * 64
    text = render(program, "default", f"--set=image.digest={digest}")
    assert f"image: bearing-stream@{digest}" in text


def test_alerts_lead_to_the_published_docs(program: str) -> None:
    switches = "--set=monitoring.rules.enabled=true,monitoring.rules.runbooks=https://docs.example/"
    objects = yaml.safe_load_all(render(program, "default", switches))
    [rules] = [one for one in objects if one and one["kind"] == "PrometheusRule"]
    for group in rules["spec"]["groups"]:
        for rule in group["rules"]:
            section = f"https://docs.example/alerts.html#{rule['alert'].lower()}"
            assert rule["annotations"]["runbook_url"] == section
            assert "runbook" not in rule["annotations"]


@pytest.mark.parametrize(
    "settings",
    [
        {"max_delay": 0.05, "batch_size": 64, "uncertain_as_unknown": True},
        {"max_delay": "0.05", "batch_size": "64", "uncertain_as_unknown": "true"},
        {"guarantee": "at-least-once", "backend": "native", "diagnoser": "network"},
    ],
)
def test_settings_may_be_numbers_or_their_texts(settings: dict[str, Any]) -> None:
    check(changed("consumer.settings", settings))


def test_the_name_of_a_stateful_set_is_short_enough_for_the_label_that_holds_it(
    program: str,
) -> None:
    text = render(program, "default", f"--set=fullnameOverride={'a' * 60}")
    names = [
        one["metadata"]["name"]
        for one in yaml.safe_load_all(text)
        if one and one["kind"] == "StatefulSet"
    ]
    assert names
    assert max(map(len, names)) <= 52
