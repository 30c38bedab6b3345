"""Compose files checked against the Compose Specification's schema and against the Dockerfiles and pins beside them."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Any

from reserve.containers import dockerfile
from reserve.containers.pins import FOLDER, Pins
from snippets.errors import ToolMissing, UsageError
from snippets.quick_import import without_iri_checks

VARIABLE = re.compile(r"\$\{(\w+)(:?[-?][^}]*)?\}")
# What a person must give, because no file can know it.
GIVEN = frozenset({"MODELS", "REPOSITORY", "JUPYTER_TOKEN"})


def schema() -> dict[str, Any]:
    """The Compose Specification's JSON schema, which the package check-jsonschema carries. ToolMissing without it."""
    import json

    try:
        file = resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
        return json.loads(file.read_text(encoding="utf-8"))
    except (ModuleNotFoundError, FileNotFoundError):
        raise ToolMissing("The compose schema comes with check-jsonschema. Run: pip install check-jsonschema") from None


def read(path: Path) -> dict[str, Any]:
    """A compose file's content. UsageError where it is not YAML."""
    import yaml

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is not valid YAML: {error}.") from None


def problems(paths: list[Path], pins: Pins, variant: str) -> list[str]:
    """What is wrong with the compose files of `variant`, laid over each other in this order."""
    without_iri_checks()
    import jsonschema

    found: list[str] = []
    services: dict[str, dict[str, Any]] = {}
    volumes: set[str] = set()
    wanted = schema()
    validator = jsonschema.validators.validator_for(wanted)(wanted)
    for path in paths:
        content = read(path)
        found += [
            f"{path.name}: {'/'.join(map(str, error.absolute_path))}: {error.message}"
            for error in validator.iter_errors(content)
        ]
        found += [f"{path.name}: {text}" for text in _variables(path, pins, variant)]
        for name, service in content.get("services", {}).items():
            if path is not paths[0] and name not in services:
                found.append(f"{path.name}: {name} is laid over a service that {paths[0].name} does not have")
            services[name] = {**services.get(name, {}), **service}
        volumes |= set(content.get("volumes", {}))
    for name, service in services.items():
        found += [f"{paths[0].name}: {name}: {text}" for text in _service(service, services, volumes)]
    return found


def _variables(path: Path, pins: Pins, variant: str) -> list[str]:
    """Variables without a default come from the pins or from a person."""
    known = set(pins.environment(variant)) | GIVEN
    text = "\n".join(line for line in path.read_text(encoding="utf-8").splitlines() if not line.strip().startswith("#"))
    found = []
    for name, rest in VARIABLE.findall(text):
        if name not in known and not rest.startswith(":-"):
            found.append(f"${{{name}}} is set nowhere")
        elif not rest:
            found.append(f"${{{name}}} would silently be empty: write ${{{name}:?reason}}")
    return found


def _service(service: dict[str, Any], services: dict[str, Any], volumes: set[str]) -> list[str]:
    found = []
    build = service.get("build")
    if build:
        file = (FOLDER / build["context"] / build["dockerfile"]).resolve()
        if not file.is_file():
            return [f"there is no Dockerfile {build['dockerfile']}"]
        declared = dockerfile.declared(file)
        found += [f"the Dockerfile knows no argument {name}" for name in set(build.get("args", {})) - set(declared)]
        found += [f"the argument {name} is not passed" for name in set(declared) - set(build.get("args", {}))]
        exposed = {
            port
            for item in dockerfile.parse(file.read_text(encoding="utf-8"))
            if item.name == "EXPOSE"
            for port in item.rest.split()
        }
        inside = {str(port).rpartition(":")[2] for port in service.get("ports", ())}
        found += [f"port {port} is published but not exposed by the image" for port in sorted(inside - exposed)]
    found += [
        f"port {port} is open to the network: publish it on 127.0.0.1"
        for port in service.get("ports", ())
        if not str(port).startswith("127.0.0.1:")
    ]
    strangers = [name for name in service.get("depends_on", ()) if name not in services]
    found += [f"it depends on {name}, which is no service" for name in strangers]
    for volume in service.get("volumes", ()):
        name = volume.partition(":")[0] if isinstance(volume, str) else ""
        if name and "/" not in name and name not in volumes:
            found.append(f"the volume {name} is not declared")
    for url in re.findall(r"http://([\w.-]+):\d+", " ".join(map(str, service.get("command", ())))):
        if url not in services:
            found.append(f"the command names {url}, which is no service")
    return found
