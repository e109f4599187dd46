"""Telegraf as people use it instead: ``mqtt_consumer`` with a persistent session into InfluxDB 1.x."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["drain"]

_CONFIG = """
[agent]
  interval = "1s"
  flush_interval = "1s"
  metric_batch_size = 5000
  metric_buffer_limit = 1000000
  omit_hostname = true
  quiet = true
[[inputs.mqtt_consumer]]
  servers = ["tcp://127.0.0.1:{port}"]
  topics = ["vigiposte/v1/bench/+/json"]
  qos = 1
  persistent_session = true
  client_id = "telegraf-bench"
  max_undelivered_messages = 10000
  data_format = "json"
  json_time_key = "t"
  json_time_format = "unix"
[[outputs.influxdb]]
  urls = ["{influx}"]
  database = "{database}"
  skip_database_creation = true
"""
_SETTLED_S = 10.0


def drain(
    folder: Path, broker_port: int, influx_url: str, database: str, publish: Callable[[], int]
) -> dict[str, Any]:
    """Let Telegraf open its session, queue the load, and measure how fast and how completely it is stored."""
    config = folder / "telegraf.conf"
    config.write_text(_CONFIG.format(port=broker_port, influx=influx_url, database=database))

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["telegraf", "--config", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    opening = start()
    time.sleep(3.0)
    opening.terminate()
    opening.wait(timeout=20)
    count = publish()
    process = start()
    began = changed = time.time()
    stored, peak_mb = 0, 0.0
    try:
        while stored < count and time.time() - changed < _SETTLED_S:
            time.sleep(0.2)
            seen = _count(influx_url, database)
            peak_mb = max(peak_mb, _peak_mb(process.pid))
            if seen > stored:
                stored, changed = seen, time.time()
    finally:
        cpu_s = _cpu_s(process.pid)
        process.terminate()
        process.wait(timeout=20)
    return {
        "began": began,
        "ended": changed,
        "stored": stored,
        "lost": count - stored,
        "cpu_s": cpu_s,
        "peak_mb": peak_mb,
    }


def _count(influx_url: str, database: str) -> int:
    query = urllib.parse.urlencode({"db": database, "q": "SELECT COUNT(laeq) FROM mqtt_consumer"})
    with urllib.request.urlopen(f"{influx_url}/query?{query}", timeout=60) as answer:
        results = json.load(answer)["results"]
    series = results[0].get("series")
    return int(series[0]["values"][0][1]) if series else 0


def _peak_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100.0
