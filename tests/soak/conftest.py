"""The ingest's fixtures serve the long runs too."""

from __future__ import annotations

import runpy
from pathlib import Path

_INGEST = runpy.run_path(str(Path(__file__).resolve().parents[1] / "ingest" / "conftest.py"))

blaster = _INGEST["blaster"]
publish = _INGEST["publish"]
nursery = _INGEST["nursery"]
ingest_process = _INGEST["ingest_process"]
load_message_fixture = _INGEST["load_message_fixture"]
load_site_file = _INGEST["load_site_file"]
stored_numbers = _INGEST["stored_numbers"]
shipped_mosquitto_conf = _INGEST["shipped_mosquitto_conf"]
