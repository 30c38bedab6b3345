"""Stands in for the `docker` command: notes its arguments, and runs the embedded Triton in the container's place.

It understands what `triton_launch.container` says and nothing else: published ports and the mounted repository are
translated, so the server answers where the real container's would.
"""

import json
import os
import sys
from pathlib import Path

from snippets.triton import launch as triton_launch

arguments = sys.argv[1:]
with Path(os.environ["FAKE_DOCKER_LOG"]).open("a") as log:
    log.write(json.dumps(arguments) + "\n")
if arguments[0] == "run":
    values = [a.partition("=")[2] for a in arguments if a.startswith("--publish=")]
    ports = triton_launch.Ports(*(int(v.split(":")[1]) for v in values))
    volume = next(a.partition("=")[2] for a in arguments if a.startswith("--volume="))
    repository = Path(volume.split(":")[0])
    launch = triton_launch.embedded(repository.parent, repository, ports)
    os.execve(launch.command[0], launch.command, {**os.environ, **launch.environment})
