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

__all__ = ["Telegraf", "drain", "peak_mb"]

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
  topics = ["{topics}"]
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


class Telegraf:
    """A Telegraf that can be killed and started again with the same configuration."""

    def __init__(self, folder: Path, broker_port: int, topics: str, influx_url: str, database: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "telegraf.conf"
        self._config.write_text(
            _CONFIG.format(port=broker_port, topics=topics, influx=influx_url, database=database)
        )
        self.log = folder / "telegraf.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it connects by itself."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["telegraf", "--config", str(self._config)], stdout=log, stderr=subprocess.STDOUT
            )

    def stop(self) -> None:
        """End it in order."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait(timeout=30)

    def kill(self) -> None:
        """What a crash does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(timeout=30)


def drain(
    folder: Path, broker_port: int, influx_url: str, database: str, publish: Callable[[], int]
) -> dict[str, Any]:
    """Let Telegraf open its session, queue the load, and measure how fast and how completely it is stored."""
    telegraf = Telegraf(folder, broker_port, "vigiposte/v1/bench/+/json", influx_url, database)
    telegraf.start()
    time.sleep(3.0)
    telegraf.stop()
    count = publish()
    telegraf.start()
    assert telegraf.process is not None
    pid = telegraf.process.pid
    began = changed = time.time()
    stored, most_mb = 0, 0.0
    try:
        while stored < count and time.time() - changed < _SETTLED_S:
            time.sleep(0.2)
            seen = _count(influx_url, database)
            most_mb = max(most_mb, peak_mb(pid))
            if seen > stored:
                stored, changed = seen, time.time()
    finally:
        cpu_s = _cpu_s(pid)
        telegraf.stop()
    return {
        "began": began,
        "ended": changed,
        "stored": stored,
        "lost": count - stored,
        "cpu_s": cpu_s,
        "peak_mb": most_mb,
    }


def _count(influx_url: str, database: str) -> int:
    query = urllib.parse.urlencode({"db": database, "q": "SELECT COUNT(laeq) FROM mqtt_consumer"})
    with urllib.request.urlopen(f"{influx_url}/query?{query}", timeout=60) as answer:
        results = json.load(answer)["results"]
    series = results[0].get("series")
    return int(series[0]["values"][0][1]) if series else 0


def peak_mb(pid: int) -> float:
    """Largest resident memory of a process so far; 0 when it has ended."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmHWM:")), 0.0)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100.0
