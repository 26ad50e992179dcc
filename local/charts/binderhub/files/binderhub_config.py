"""BinderHub's configuration, made from the chart's values beside this file."""

from pathlib import Path
from typing import Any

import yaml

c: Any = get_config()  # type: ignore[name-defined] # noqa: F821 - traitlets puts get_config into this namespace

values = yaml.safe_load(Path(__file__).with_name("values.yaml").read_text())
for section, traits in (values.get("config") or {}).items():
    c[section].update(traits or {})
builder = values.get(values["imageBuilderType"]) or {}
if builder:
    c.BinderHub.build_docker_host = f"unix://{builder['hostSocketDir']}/{builder['hostSocketName']}"
for title, code in sorted((values.get("extraConfig") or {}).items()):
    print(f"extraConfig: {title}")
    exec(code)  # noqa: S102 - extraConfig is code
