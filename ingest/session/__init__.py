"""The MQTT session: a persistent subscription whose messages are acknowledged once they are journaled."""

from ingest.session.committer import Committer, Group
from ingest.session.network import MqttSession
from ingest.session.settings import BrokerSettings, MqttVersion, broker_settings

__all__ = ["BrokerSettings", "Committer", "Group", "MqttSession", "MqttVersion", "broker_settings"]
