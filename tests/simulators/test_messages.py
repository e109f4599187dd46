from __future__ import annotations

from datetime import date

import numpy as np

from sensors.formats import WireFormat, decode
from sensors.topics import parse_topic
from simulators.devices import SensorDay, reading_batches, sensor_days
from simulators.messages import expected_messages, plant_messages, status_messages
from simulators.plant import plant_sensors
from simulators.scenario import Scenario, load_scenario


def test_decoded_messages_are_the_readings(hour: Scenario, monday: date) -> None:
    kinds = {sensor.id: sensor.kind for sensor in plant_sensors(hour)}
    received: dict[str, list[tuple[int, dict[str, float]]]] = {sensor: [] for sensor in kinds}
    for message in plant_messages(hour, 1, monday):
        topic = parse_topic(message.topic)
        assert topic.site == "demo-plant"
        fmt = WireFormat(topic.format)
        rows = decode(fmt, message.payload, 0, kind=kinds[topic.sensor])
        for place, moment in enumerate(rows.times_ns.tolist()):
            received[topic.sensor].append((moment, {k: float(v[place]) for k, v in rows.channels.items()}))
    for own in sensor_days(hour, 1, monday):
        rows_of = [row for row in received[own.sensor.id] if "battery" not in row[1]]
        assert [moment for moment, _ in rows_of] == own.readings.times_ns.tolist()
        for name, column in own.readings.channels.items():
            assert [values[name] for _, values in rows_of] == column.tolist()
        charges = [(t, values["battery"]) for t, values in received[own.sensor.id] if "battery" in values]
        assert charges == list(own.battery)


def test_messages_come_in_time_order_and_fit_a_small_broker(hour: Scenario, monday: date) -> None:
    messages = list(plant_messages(hour, 1, monday))
    dues = [message.due_ns for message in messages]
    assert dues == sorted(dues)
    assert max(len(message.payload) for message in messages) < 20_000
    assert len(messages) == expected_messages(hour)
    assert [len(m.payload) for m in messages if m.topic.endswith("trunk/columns-msgpack")] == [18_052] * 120


def test_a_week_has_the_promised_number_of_posture_messages(demo: Scenario) -> None:
    posture_only = demo.model_copy(update={"battery": False})
    noise_and_climate = 2 * 6 * 5 * 480
    assert expected_messages(posture_only) - noise_and_climate == 28_800


def test_fifty_hertz_stays_below_the_payload_limit(hour: Scenario, monday: date) -> None:
    fast = hour.model_copy(update={"posture_hz": 50, "climate_period_s": 10})
    messages = list(plant_messages(fast, 1, monday))
    assert max(len(message.payload) for message in messages) < 20_000
    assert len(messages) == expected_messages(fast)


def test_status_is_retained_for_every_sensor(demo: Scenario) -> None:
    messages = list(status_messages(demo, "online"))
    assert len(messages) == 24
    assert all(message.retain and message.payload == b"online" for message in messages)
    assert {parse_topic(message.topic).format for message in messages} == {"status"}


def test_truth_is_kept_and_readings_are_not(hour: Scenario, monday: date) -> None:
    seen: list[SensorDay] = []
    for _ in plant_messages(hour, 1, monday, seen):
        pass
    assert [own.sensor.id for own in seen] == [sensor.id for sensor in plant_sensors(hour)]
    assert all(own.truth and not own.readings.times_ns.size for own in seen)


def test_batches_bypass_mqtt_with_the_same_rows(monday: date, hour: Scenario) -> None:
    perfect = hour.model_copy(update={"sensors": load_scenario("noise_free").sensors})
    batches = {batch.sensor: batch for batch in reading_batches(perfect, 2, monday)}
    assert set(batches) == {sensor.id for sensor in plant_sensors(hour)}
    for batch in batches.values():
        assert (np.diff(batch.times_ns) > 0).all()
    assert batches["press-1-trunk"].channels["acc_x"].dtype == np.float32
    assert len(batches["press-1-noise"]) == 3600
