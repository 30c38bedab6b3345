"""Run as a program: start a Triton, load a model, say where it is, and wait to be ended."""

import json
import sys
import time
from pathlib import Path

from snippets.triton import server as triton
from tests.snippets.triton.triton_models import doubler

folder = Path(sys.argv[1])
with triton.start("embedded", folder) as server:
    server.deploy(doubler(folder))
    print(json.dumps({"watch": server.pid, "ports": list(vars(server.ports).values())}), flush=True)
    time.sleep(120)
