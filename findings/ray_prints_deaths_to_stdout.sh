#!/bin/sh
# ray 2.60.0 prints the death of an actor to the driver's standard output, also with log_to_driver=False.
#
# A driver that writes JSON to standard output, and asks Ray for silence by log_to_driver=False and a logging
# level of CRITICAL, still finds "(raylet) A worker died or was killed ..." between its own lines: the message
# comes from the driver's listener for error messages, which prints, and neither setting reaches it. Standard
# error stays empty. The process has to redirect its own standard output while it has joined a cluster.
#
# Input: an actor that is killed, as the kernel does when memory runs out; the driver catches the error that Ray
# raises for it, and prints one line of JSON. Exits with 1 if standard output holds that line alone.
# Needs Python 3.11 or later; installs into a temporary folder, starts a local cluster and ends it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ray==2.60.0 2>/dev/null
cat > "$folder/driver.py" <<'PYTHON'
import json
import logging
import os
import signal
import time

import ray

ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level=logging.CRITICAL)


@ray.remote
class Drawing:
    def draw(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


try:
    ray.get(Drawing.remote().draw.remote())
except ray.exceptions.RayActorError:
    print(json.dumps({"drawn": 0}), flush=True)
time.sleep(5)  # the message comes a moment later
PYTHON
cat > "$folder/show.py" <<'PYTHON'
import subprocess
import sys
from importlib.metadata import version

done = subprocess.run([sys.executable, sys.argv[1]], capture_output=True, text=True, check=True)
lines = done.stdout.splitlines()
foreign = [line for line in lines if line != '{"drawn": 0}']
print("ray", version("ray"))
print(f"{len(lines)} lines on standard output, {len(foreign)} of them not the driver's")
for line in foreign:
    print("   ", line[:110])
sys.exit(0 if any("worker died" in line for line in foreign) else 1)
PYTHON
"$folder/venv/bin/python" "$folder/show.py" "$folder/driver.py"
