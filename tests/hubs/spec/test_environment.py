"""What users find when their server starts, as the chart is told."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidError
from shared.hubs.admission import admit
from shared.hubs.chart import access
from shared.hubs.spec.model import Hub
from shared.hubs.spec.validation import parse, warnings


def hub(environment: Any, **rest: Any) -> Hub:
    return parse({"name": "r5", "environment": environment, **rest}, "westus")


def singleuser(environment: Any, **rest: Any) -> Any:
    """Without what every hub is told."""
    told = access.values(hub(environment, **rest))["singleuser"]
    return {key: value for key, value in told.items() if key not in ("cloudMetadata", "networkPolicy")}


def refused(environment: Any, **rest: Any) -> dict[str, str]:
    with pytest.raises(InvalidError) as caught:
        access.values(hub(environment, **rest))
    return {error.field: error.message for error in caught.value.problems}


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param({"memory": {"guarantee": "512M"}}, {"memory": {"guarantee": "512M"}}, id="memory"),
        pytest.param({"memory": {"guarantee": "1Gi", "limit": "2Gi"}}, {"memory": {"guarantee": "1G", "limit": "2G"}},
                     id="Kubernetes' Gi, which JupyterHub does not know, is its G"),
        pytest.param({"memory": {"limit": 2**30}}, {"memory": {"limit": 2**30}}, id="bytes"),
        pytest.param({"cpu": {"guarantee": 0.1, "limit": 2}}, {"cpu": {"guarantee": 0.1, "limit": 2.0}}, id="cores"),
        pytest.param({"storage": "5Gi"}, {"storage": {"capacity": "5Gi"}}, id="homes"),
        pytest.param(
            {"profiles": [
                {"name": "Small", "default": True, "memory": {"guarantee": "512M", "limit": "1G"}},
                {"name": "R", "description": "RStudio", "image": "jupyter/r-notebook:2023-01-01", "cpu": {"limit": 2}},
            ]},
            {"profileList": [
                {"display_name": "Small", "default": True,
                 "kubespawner_override": {"mem_guarantee": "512M", "mem_limit": "1G"}},
                {"display_name": "R", "description": "RStudio",
                 "kubespawner_override": {"image": "jupyter/r-notebook:2023-01-01", "cpu_limit": 2.0}},
            ]},
            id="profiles in KubeSpawner's form",
        ),
    ],
)  # fmt: skip
def test_the_chart_is_told(environment: Any, told: Any) -> None:
    assert singleuser(environment) == told


def test_packages_become_arguments_of_a_hook_that_no_shell_reads() -> None:
    told = singleuser({"packages": ["matplotlib", "imbalanced-learn==0.12.*"], "conda": ["conda-forge::gdal=3.10"]})
    command = told["lifecycleHooks"]["postStart"]["exec"]["command"]
    assert command[:2] == ["python3", "-c"]
    assert command[3:] == ["480", "conda-forge::gdal=3.10", "--", "matplotlib", "imbalanced-learn==0.12.*"]
    assert not set("{}$`") & set(command[2])
    assert told["startTimeout"] == 600


@pytest.mark.source
@pytest.mark.parametrize("fails", [False, True])
def test_the_hook_installs_and_always_succeeds(tmp_path: Path, fails: bool) -> None:
    """Run as Kubernetes would, with stand-ins for the installers that note what they are called with."""
    command = singleuser({"packages": ["matplotlib>=3,<4", "pandas[excel]"], "conda": ["r-base"]})["lifecycleHooks"][
        "postStart"
    ]["exec"]["command"]
    noted, log = tmp_path / "noted", tmp_path / "log"
    stand_in = f'#!/bin/sh\necho "$(basename "$0")" "$@" >> {noted}\nexit {int(fails)}\n'
    (tmp_path / "mamba").write_text(stand_in)
    (tmp_path / "mamba").chmod(0o755)
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip/__init__.py").write_text("")
    (tmp_path / "pip/__main__.py").write_text(
        f"import sys\nopen({str(noted)!r}, 'a').write(' '.join(['pip', *sys.argv[1:]]) + chr(10))\nsys.exit({int(fails)})\n"
    )
    program = command[2].replace("/tmp/hubkeeper-packages.log", str(log))
    done = subprocess.run(
        [sys.executable, "-c", program, *command[3:]],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHONPATH": str(tmp_path)},
        check=False,
        timeout=30,
    )
    assert done.returncode == 0
    assert noted.read_text().splitlines() == [
        "mamba install --yes --quiet r-base",
        "pip install --no-cache-dir --quiet matplotlib>=3,<4 pandas[excel]",
    ]


@pytest.mark.source
def test_the_hook_survives_a_missing_installer(tmp_path: Path) -> None:
    command = singleuser({"conda": ["r-base"]})["lifecycleHooks"]["postStart"]["exec"]["command"]
    program = command[2].replace("/tmp/hubkeeper-packages.log", str(tmp_path / "log"))
    done = subprocess.run([sys.executable, "-c", program, *command[3:]], env={"PATH": str(tmp_path)}, check=False)
    assert done.returncode == 0
    assert "conda" in (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    "package",
    [
        "matplotlib; rm -rf ~",
        "$(id)",
        "`id`",
        "a b",
        "a\nb",
        "a'b",
        'a"b',
        "--index-url=https://evil.example",
        "-r",
        "--",
        "git+https://evil.example/x",
        "x @ https://evil.example/x.whl",
        "https://evil.example/x.whl",
        "../x",
        "{username}",
        "x==",
        "x&&y",
        "x|y",
        "x>",
        "",
        "x" * 201,
        "matplotlib\n",
    ],
)
@pytest.mark.parametrize("field", ["packages", "conda"])
def test_what_is_no_package_is_refused(field: str, package: str) -> None:
    assert set(refused({field: ["fine", package]})) == {f"environment.{field}[1]"}


@given(st.text(max_size=20))
def test_no_package_has_a_character_that_a_shell_a_template_or_an_option_needs(package: str) -> None:
    try:
        hub({"packages": [package]})
    except InvalidError:
        return
    assert not set(package) & set(" \t\n\r\"'`$;|()\\{}/@")
    assert package[0].isalnum()


@pytest.mark.parametrize(
    ("environment", "field", "words"),
    [
        pytest.param({"package": ["x"]}, "environment.package", "did you mean 'packages'", id="unknown field"),
        pytest.param({"packages": "x"}, "environment.packages", "list", id="no list"),
        pytest.param({"memory": {"guarantee": "lots"}}, "environment.memory.guarantee", "amount of memory", id="lots"),
        pytest.param({"memory": {"guarantee": "1"}}, "environment.memory.guarantee", "amount of memory", id="one byte"),
        pytest.param(
            {"memory": {"guarantee": "2G", "limit": "1G"}}, "environment.memory", "more than limit", id="order"
        ),
        pytest.param({"cpu": {"guarantee": 0}}, "environment.cpu.guarantee", "should be greater than", id="no cpu"),
        pytest.param({"cpu": {"guarantee": 2, "limit": 1}}, "environment.cpu", "more than limit", id="order of cpu"),
        pytest.param({"storage": "10 GB"}, "environment.storage", '"10Gi"', id="storage"),
        pytest.param({"profiles": [{"name": "<b>"}]}, "environment.profiles[0].name", "without <", id="html"),
        pytest.param({"profiles": [{"name": "--"}]}, "environment", "letter or digit", id="no slug"),
        pytest.param({"profiles": [{"name": "A b"}, {"name": "a-B"}]}, "environment", "punctuation", id="same slug"),
        pytest.param(
            {"profiles": [{"name": "a", "default": True}, {"name": "b", "default": True}]},
            "environment",
            "one profile at most",
            id="two defaults",
        ),
        pytest.param(
            {"profiles": [{"name": "a", "image": "A B"}]}, "environment.profiles[0].image.name", "", id="image"
        ),
    ],
)
def test_what_is_wrong_is_named(environment: Any, field: str, words: str) -> None:
    found = refused(environment)
    assert words in found[field]


@pytest.mark.parametrize(
    ("environment", "said", "field"),
    [
        ({"packages": ["x"]}, {"lifecycleHooks": {"postStart": {"httpGet": {}}}}, "environment.packages"),
        ({"conda": ["x"]}, {"lifecycleHooks": {"postStart": None}}, "environment.conda"),
        ({"memory": {"limit": "1G"}}, {"memory": {"limit": None}}, "environment.memory.limit"),
        ({"cpu": {"guarantee": 1}}, {"cpu": {"guarantee": 2}}, "environment.cpu.guarantee"),
        ({"storage": "1Gi"}, {"storage": {"capacity": "2Gi"}}, "environment.storage"),
        ({"profiles": [{"name": "a"}]}, {"profileList": [{"display_name": "b"}]}, "environment.profiles"),
    ],
)
def test_what_the_values_say_too_is_refused(environment: Any, said: Any, field: str) -> None:
    assert set(refused(environment, values={"singleuser": said})) == {field}


def test_values_beside_it_are_joined() -> None:
    told = singleuser(
        {"memory": {"guarantee": "1G"}, "packages": ["x"]},
        values={"singleuser": {"memory": {"limit": "2G"}, "startTimeout": 900, "profileList": []}},
    )
    assert told["memory"] == {"guarantee": "1G", "limit": "2G"}
    assert told["startTimeout"] == 900


def test_packages_are_warned_about_and_an_image_recommended() -> None:
    assert any("An image that has them" in text for text in warnings(hub({"packages": ["x"]})))
    assert not any("An image that has them" in text for text in warnings(hub({"storage": "5Gi"})))


def test_it_survives_storage() -> None:
    spec = hub({"packages": ["x"], "memory": {"guarantee": "1Gi"}, "profiles": [{"name": "a", "cpu": {"limit": 1}}]})
    assert Hub.model_validate(spec.wire()) == spec
    assert Hub.model_validate(parse({"name": "r5"}, "westus").wire()).environment is None


def test_a_request_learns_of_it_when_it_is_admitted() -> None:
    from datetime import UTC, datetime

    body = {"name": "r5", "environment": {"storage": "1Gi"}, "values": {"singleuser": {"storage": {"capacity": "2Gi"}}}}
    with pytest.raises(InvalidError, match=r"environment\.storage"):
        admit(body, "westus", datetime(2026, 11, 22, tzinfo=UTC))
