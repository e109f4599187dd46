"""From the journal to the store: decode, validate, flag, group, write, and only then forget."""

from ingest.pipeline.barred import Barred
from ingest.pipeline.feeder import Feeder, FeederSettings
from ingest.pipeline.health import SensorHealth
from ingest.pipeline.routing import Router

__all__ = ["Barred", "Feeder", "FeederSettings", "Router", "SensorHealth"]
