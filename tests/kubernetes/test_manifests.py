"""What a chart would install, read from what helm prints."""

import base64
import json

from shared.kubernetes.manifests import Rendered, read


def hub_secret(values: str, name: str = "hub", mark: str = "hub.config.JupyterHub.cookie_secret") -> str:
    data = {"values.yaml": base64.b64encode(values.encode()).decode(), mark: "eA=="}
    return json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data})


BINDER = """
apiVersion: v1
kind: Secret
metadata: {name: binder-secret}
stringData:
  values.yaml: |
    config:
      BinderHub: {auth_enabled: true}
"""
OTHERS = """
kind: ConfigMap
data: {values.yaml: "hub: {}"}
---
kind: Deployment
spec: {}
"""


def printed(*documents: str) -> str:
    return "".join(f"---\n# Source: chart/templates/x.yaml\n{document}\n" for document in documents)


def test_the_values_of_both_programs_are_found_among_everything_else() -> None:
    found = read(printed(OTHERS, hub_secret("hub: {config: {A: {b: 1}}}"), BINDER))
    assert found == Rendered({"hub": {"config": {"A": {"b": 1}}}}, {"config": {"BinderHub": {"auth_enabled": True}}})


def test_a_hub_is_known_by_what_its_secret_holds_and_not_by_its_name() -> None:
    assert read(printed(hub_secret("a: 1", "lab-hub"))).hub == {"a": 1}
    assert read(printed(hub_secret("a: 1", "hub", "another"))).hub is None


def test_what_is_not_there_or_cannot_be_read_is_none() -> None:
    assert read("") == Rendered()
    assert read(printed(OTHERS)) == Rendered()
    assert read(printed("kind: Secret\nvalues.yaml: [")) == Rendered()
    assert read(printed(hub_secret("- 1"))) == Rendered()
    assert read(printed(hub_secret("a: [").replace("YT", "??"))) == Rendered()


def test_values_are_not_shown_by_accident() -> None:
    assert "hunter2" not in repr(read(printed(hub_secret("password: hunter2"))))
