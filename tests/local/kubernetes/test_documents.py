"""Reading, changing and checking single objects, without a server."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.kubernetes.api.protobuf import MAGIC, decode
from local.kubernetes.api.tables import duration
from local.kubernetes.controllers.cronjobs import Schedule
from local.kubernetes.controllers.nodes import allocatable, hardware, node_name
from local.kubernetes.objects import defaults, rules
from local.kubernetes.objects.apply import ServerSideApply
from local.kubernetes.objects.errors import ApiError, conflict, invalid
from local.kubernetes.objects.kinds import CONFIG_MAP, DEPLOYMENT, POD, SECRET, SERVICE
from local.kubernetes.objects.patch import StrategicMerge, json_patch, merge_patch
from local.kubernetes.objects.quantity import canonical, parse
from local.kubernetes.objects.schema import schemas
from local.kubernetes.objects.selectors import field_test, label_test, selector_text, selects

SCHEMAS = schemas("1.35.2")


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("", True),
        ("app=hub", True),
        ("app==hub,tier!=back", True),
        ("app in (hub, proxy)", True),
        ("app notin (hub)", False),
        ("app,!gone", True),
        ("gone", False),
        ("component=singleuser-server,app=hub", False),
    ],
)
def test_a_label_selector_selects(text: str, selected: bool) -> None:
    assert label_test(text)({"app": "hub", "tier": "front"}) is selected


def test_a_selector_that_cannot_be_read_is_a_bad_request() -> None:
    with pytest.raises(ApiError) as refused:
        label_test("a=b=c")
    assert refused.value.code == 400


def test_fields_are_compared_by_their_text() -> None:
    pod = {"metadata": {"name": "x"}, "status": {"phase": "Running"}, "spec": {"hostNetwork": True}}
    assert field_test("status.phase=Running,metadata.name!=y,spec.hostNetwork=true")(pod)
    assert field_test("spec.nodeName=")(pod)
    assert not field_test("status.phase!=Running")(pod)


def test_a_selector_object_is_matched_and_printed() -> None:
    selector = {"matchLabels": {"b": "2", "a": "1"}, "matchExpressions": [{"key": "c", "operator": "Exists"}]}
    assert selects(selector, {"a": "1", "b": "2", "c": ""})
    assert not selects(selector, {"a": "1", "b": "2"})
    assert selects({}, {"any": "thing"})
    assert not selects(None, {})
    assert selector_text(selector) == "a=1,b=2,c"


@pytest.mark.parametrize(
    ("text", "number", "written"),
    [("100m", "0.1", "100m"), ("0.5", "0.5", "500m"), ("1Gi", 1 << 30, "1Gi"), (2, 2, "2"), ("1.5Gi", 3 << 29, "1610612736"),
     ("1e3", 1000, "1e3"), ("128M", 128_000_000, "128M")],
)  # fmt: skip
def test_quantities_are_read_and_given_back(text: Any, number: Any, written: str) -> None:
    assert float(parse(text)) == float(number)
    assert canonical(text) == written


@pytest.mark.parametrize("text", ["", "x", "1Q", "1.2.3", "Gi"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="quantities must match"):
        parse(text)


def test_a_merge_patch_removes_what_is_null() -> None:
    assert merge_patch({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": None, "e": 3}, "d": [2]}) == {
        "a": {"c": 2, "e": 3},
        "d": [2],
    }


def test_a_json_patch_is_carried_out_in_order() -> None:
    before = {"a": [1, 2], "b": {"c/d": 1}}
    after = json_patch(
        before,
        [
            {"op": "add", "path": "/a/-", "value": 3},
            {"op": "replace", "path": "/b/c~1d", "value": 2},
            {"op": "move", "from": "/b/c~1d", "path": "/e"},
            {"op": "remove", "path": "/a/0"},
            {"op": "test", "path": "/e", "value": 2},
        ],
    )
    assert after == {"a": [2, 3], "b": {}, "e": 2}
    assert before == {"a": [1, 2], "b": {"c/d": 1}}
    with pytest.raises(ApiError) as refused:
        json_patch(before, [{"op": "remove", "path": "/nope"}])
    assert refused.value.code == 422


def strategic(target: Any, patch: Any) -> Any:
    return StrategicMerge(SCHEMAS).merge(SCHEMAS.root(DEPLOYMENT), target, patch)


def pod_template(**spec: Any) -> Any:
    return {"spec": {"template": {"spec": spec}}}


def test_a_strategic_patch_merges_containers_by_name_and_their_variables_too() -> None:
    before = pod_template(
        containers=[
            {"name": "a", "image": "a:1", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]},
            {"name": "b", "image": "b:1"},
        ]
    )
    patch = pod_template(
        **{
            "$setElementOrder/containers": [{"name": "b"}, {"name": "a"}],
            "containers": [{"name": "a", "image": "a:2", "env": [{"name": "X", "$patch": "delete"}]}],
        }
    )
    assert strategic(before, patch) == pod_template(
        containers=[
            {"name": "b", "image": "b:1"},
            {"name": "a", "image": "a:2", "env": [{"name": "Y", "value": "2"}]},
        ]
    )


def test_a_strategic_patch_replaces_lists_without_a_key() -> None:
    before = pod_template(containers=[{"name": "a", "args": ["1", "2"]}])
    after = strategic(before, pod_template(containers=[{"name": "a", "args": ["3"]}]))
    assert after == pod_template(containers=[{"name": "a", "args": ["3"]}])


def test_retained_keys_drop_the_others() -> None:
    before = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    after = strategic(before, {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}})
    assert after == {"spec": {"strategy": {"type": "Recreate"}}}


def test_a_volume_that_changes_its_kind_keeps_no_trace_of_the_old_one() -> None:
    before = pod_template(volumes=[{"name": "v", "emptyDir": {}}])
    change = {"name": "v", "emptyDir": None, "secret": {"secretName": "s"}}
    after = strategic(before, pod_template(volumes=[change]))
    assert after == pod_template(volumes=[{"name": "v", "secret": {"secretName": "s"}}])


def test_unknown_fields_are_named_and_dropped_and_nulls_vanish() -> None:
    document = {"spec": {"containers": [{"name": "a", "image": "i", "bogus": 1, "command": None}], "extra": {}}}
    decoded = SCHEMAS.decode(POD, document)
    assert decoded.unknown == ["spec.containers[0].bogus", "spec.extra"]
    assert decoded.document == {"spec": {"containers": [{"name": "a", "image": "i"}]}}


@pytest.mark.parametrize(
    ("kind", "document", "message"),
    [
        (
            DEPLOYMENT,
            {"spec": {"replicas": "3"}},
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            POD,
            {"spec": {"containers": [{"image": 3}]}},
            "json: cannot unmarshal number into Go struct field Container.spec.containers.image of type string",
        ),
        (POD, {"spec": {"hostNetwork": "yes"}}, "of type bool"),
        (SECRET, {"data": {"a": "%%"}}, "illegal base64 data"),
        (POD, {"spec": {"containers": [{"resources": {"limits": {"cpu": "much"}}}]}}, "quantities must match"),
    ],
)
def test_a_value_of_the_wrong_type_is_a_bad_request(kind: Any, document: Any, message: str) -> None:
    with pytest.raises(ApiError) as refused:
        SCHEMAS.decode(kind, document)
    assert refused.value.code == 400
    assert message in refused.value.message
    assert refused.value.message.startswith(f'{kind.kind} in version "v1" cannot be handled as a {kind.kind}: ')


def test_what_is_required_and_missing_is_named() -> None:
    decoded = SCHEMAS.decode(DEPLOYMENT, {"spec": {"template": {"spec": {"containers": [{}]}}}})
    assert [cause.field for cause in decoded.missing] == [
        "spec.template.spec.containers[0].name",
        "spec.selector",
    ]


def complete(kind: str, **fields: Any) -> Any:
    document = {"kind": kind, "apiVersion": "v1", "metadata": {"name": "x"}, **fields}
    defaults.fill(document)
    return document


@pytest.mark.parametrize(
    ("image", "policy"),
    [("a", "Always"), ("a:latest", "Always"), ("a:1", "IfNotPresent"), ("r:5000/a", "Always"), ("a@sha256:0", "IfNotPresent")],
)  # fmt: skip
def test_the_pull_policy_follows_the_tag(image: str, policy: str) -> None:
    filled = complete("Pod", spec={"containers": [{"name": "a", "image": image}]})
    assert filled["spec"]["containers"][0]["imagePullPolicy"] == policy
    assert filled["spec"]["restartPolicy"] == "Always"


def test_strings_of_a_secret_become_data() -> None:
    filled = complete("Secret", stringData={"a": "b"})
    assert (filled["type"], filled["data"]) == ("Opaque", {"a": base64.b64encode(b"b").decode()})
    assert "stringData" not in filled


@pytest.mark.parametrize("name", ["X", "a_b", "-a", "a" * 254, "a..b"])
def test_a_wrong_name_is_refused(name: str) -> None:
    found = rules.metadata(CONFIG_MAP, {"metadata": {"name": name}})
    assert found
    assert found[0].field == "metadata.name"
    assert found[0].reason == "FieldValueInvalid"


def test_services_have_stricter_names() -> None:
    assert rules.metadata(CONFIG_MAP, {"metadata": {"name": "1.a"}}) == []
    assert rules.metadata(SERVICE, {"metadata": {"name": "1a"}}) != []


def test_labels_are_checked() -> None:
    held = {"name": "x", "labels": {"app": "ok", "a b": "c", "d": "e f", "p/q": "x" * 64}}
    fields = [cause.field for cause in rules.metadata(CONFIG_MAP, {"metadata": held})]
    assert fields == ["metadata.labels"] * 3


def test_a_refusal_lists_every_cause() -> None:
    document = complete("Pod", spec={"containers": [{"name": "a"}, {"name": "a", "image": "i"}]})
    error = invalid(POD, "x", rules.content(document))
    assert error.message == (
        'Pod "x" is invalid: [spec.containers[0].image: Required value, spec.containers[1].name: Duplicate value: "a"]'
    )
    assert [cause["reason"] for cause in error.status()["details"]["causes"]] == [
        "FieldValueRequired",
        "FieldValueDuplicate",
    ]


def test_a_conflict_is_worded_as_kubernetes_words_it() -> None:
    assert conflict(DEPLOYMENT, "x").message == (
        'Operation cannot be fulfilled on deployments.apps "x": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5, "5s"), (119, "119s"), (200, "3m20s"), (600, "10m"), (4 * 3600, "4h"), (3 * 86400 + 7200, "3d2h"), (90 * 86400, "90d")],
)  # fmt: skip
def test_ages_are_written_as_kubectl_writes_them(seconds: int, text: str) -> None:
    assert duration(timedelta(seconds=seconds)) == text


def field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content


def test_a_secret_is_read_from_protobuf() -> None:
    metadata = field(1, b"sh.helm") + field(3, b"jhub") + field(11, field(1, b"owner") + field(2, b"helm"))
    secret = (
        field(1, metadata) + field(2, field(1, b"release") + field(2, b"\x00\xff")) + field(3, b"helm.sh/release.v1")
    )
    envelope = MAGIC + field(1, field(1, b"v1") + field(2, b"Secret")) + field(2, secret)
    assert decode(envelope) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "sh.helm", "namespace": "jhub", "labels": {"owner": "helm"}},
        "data": {"release": base64.b64encode(b"\x00\xff").decode()},
        "type": "helm.sh/release.v1",
    }


@pytest.mark.parametrize("data", [b"", b"{}", MAGIC + b"\x0a\xff", MAGIC + b"\x0a\x02a"])
def test_broken_protobuf_is_a_bad_request(data: bytes) -> None:
    with pytest.raises(ApiError) as refused:
        decode(data)
    assert refused.value.code in (400, 415)


def applied(before: Any, document: Any, manager: str, *, force: bool = False) -> Any:
    merger = ServerSideApply(SCHEMAS, SCHEMAS.root(CONFIG_MAP))
    return merger.merge(before, document, manager, "2026-01-01T00:00:00Z", force=force)


def first(manager: str, data: Any) -> Any:
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": data}
    return ServerSideApply(SCHEMAS, SCHEMAS.root(CONFIG_MAP)).own(document, document, manager, "2026-01-01T00:00:00Z")


def test_what_a_manager_no_longer_applies_goes_away() -> None:
    before = first("helm", {"a": "1", "b": "2"})
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"b": "3"}}
    assert applied(before, document, "helm")["data"] == {"b": "3"}


def test_two_managers_conflict_over_one_field_unless_forced() -> None:
    before = first("helm", {"a": "1"})
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "2"}}
    with pytest.raises(ApiError) as refused:
        applied(before, document, "me")
    assert (refused.value.code, refused.value.reason) == (409, "Conflict")
    assert 'conflict with "helm"' in refused.value.message
    assert applied(before, document, "me", force=True)["data"] == {"a": "2"}


@pytest.mark.parametrize(
    ("size", "cpus", "gib"),
    [("Standard_D2s_v3", 2, 8), ("Standard_E4s_v5", 4, 32), ("Standard_F8s_v2", 8, 16), ("Standard_B2ms", 2, 8)],
)
def test_vm_sizes_are_read_from_their_names(size: str, cpus: int, gib: int) -> None:
    assert hardware(size) == (cpus, gib)


def test_aks_keeps_a_part_of_a_node_for_itself() -> None:
    free = allocatable(2, 8, 110)
    assert (free["cpu"], free["pods"]) == ("1900m", "110")
    assert 5 << 30 < parse(free["memory"]) < 8 << 30


def test_nodes_are_named_as_scale_set_instances_are() -> None:
    assert node_name("nodepool1", 0) == "aks-nodepool1-12345678-vmss000000"
    assert node_name("user", 36) == "aks-user-12345678-vmss000010"


@pytest.mark.parametrize(
    ("schedule", "zone", "expected"),
    [
        ("*/5 * * * *", "UTC", "2026-11-22T05:05"),
        ("@daily", "UTC", "2026-11-23T00:00"),
        ("30 8 * * 1-5", "America/Los_Angeles", "2026-11-23T16:30"),
        ("0 0 13 * 5", "UTC", "2026-11-27T00:00"),
        ("0 0 29 2 *", "UTC", None),
    ],
)
def test_cron_schedules_know_their_next_time(schedule: str, zone: str, expected: str | None) -> None:
    start = datetime(2026, 11, 22, 5, 0, 30, tzinfo=UTC)
    found = Schedule(schedule, zone).after(start.timestamp())
    wanted = None if expected is None else datetime.fromisoformat(expected).replace(tzinfo=UTC).timestamp()
    assert found == wanted


@pytest.mark.parametrize("schedule", ["* * * *", "60 * * * *", "x * * * *", "5-1 * * * *"])
def test_a_cron_schedule_that_cannot_be_read_is_refused(schedule: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Schedule(schedule, "UTC")
