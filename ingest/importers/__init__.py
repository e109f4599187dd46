"""Exports of loggers that never spoke MQTT: what was understood is shown before anything is stored."""
