"""The site file as typed, frozen tables (pydantic); cross-table rules live in ``site_checks``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from sensors.local_time import END_YEAR, FIRST_YEAR
from sensors.quantities import Kind

__all__ = [
    "Calibration",
    "Campaign",
    "Clothing",
    "ExposureGroup",
    "Floor",
    "ImportRule",
    "InstrumentClass",
    "MetabolicClass",
    "Mount",
    "MqttSettings",
    "Origin",
    "Placement",
    "PrivacySettings",
    "Protector",
    "Roster",
    "Sensor",
    "Shift",
    "Site",
    "SiteIdentity",
    "Source",
    "StoreSettings",
    "Task",
    "Weekday",
    "Workstation",
]

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Vector = tuple[float, float, float]

_Dated = TypeVar("_Dated", bound=date)


def _no_number(value: Any) -> Any:
    # Pydantic would read 500 as 500 seconds after midnight and 20261116 as a day of 1970.
    if isinstance(value, int | float):
        raise PydanticCustomError("not_a_clock_time", "a date or a clock time, not a number")
    return value


def _plausible(value: _Dated) -> _Dated:
    # Nanoseconds in 64 bits end in 2262; a year outside is a slip of the keyboard.
    if not FIRST_YEAR <= value.year < END_YEAR:
        raise PydanticCustomError("implausible_year", "between 2000 and 2099")
    return value


Clock = Annotated[time, BeforeValidator(_no_number)]
Day = Annotated[date, BeforeValidator(_no_number), AfterValidator(_plausible)]
Moment = Annotated[datetime, BeforeValidator(_no_number), AfterValidator(_plausible)]
Point = tuple[float, float]


class Weekday(StrEnum):
    """Day of the week on which a shift starts."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class MetabolicClass(StrEnum):
    """ISO 8996 / ISO 7243 class of metabolic rate."""

    REST = "rest"
    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"
    VERY_HIGH = "very_high"


class Clothing(StrEnum):
    """Clothing ensembles with a WBGT adjustment (ISO 7243 annex F)."""

    SHORT_SLEEVES = "short_sleeves"
    WORK_CLOTHES = "work_clothes"
    CLOTH_COVERALL = "cloth_coverall"
    SMS_COVERALL = "sms_coverall"
    POLYOLEFIN_COVERALL = "polyolefin_coverall"
    DOUBLE_LAYER = "double_layer"
    APRON_OVER_COVERALL = "apron_over_coverall"
    VAPOUR_BARRIER = "vapour_barrier"
    VAPOUR_BARRIER_HOOD = "vapour_barrier_hood"


class Mount(StrEnum):
    """Where a sensor sits; everything but ``fixed`` is worn."""

    UPPER_BACK = "upper_back"
    LOWER_BACK = "lower_back"
    STERNUM = "sternum"
    UPPER_ARM_DOMINANT = "upper_arm_dominant"
    UPPER_ARM_OTHER = "upper_arm_other"
    THIGH = "thigh"
    CALF = "calf"
    HEAD = "head"
    WRIST = "wrist"
    SHOULDER = "shoulder"
    FIXED = "fixed"

    @property
    def worn(self) -> bool:
        """Whether a person carries the sensor, so that group-size rules apply."""
        return self is not Mount.FIXED


class InstrumentClass(StrEnum):
    """Class of a sound instrument; it sets the instrument uncertainty u2 (ISO 9612:2009 Table C.5)."""

    CLASS_1 = "class_1"
    CLASS_2 = "class_2"
    DOSIMETER = "dosimeter"
    UNKNOWN = "unknown"


class Origin(StrEnum):
    """Where a sensor's readings come from; only live sensors are judged for skew and lateness."""

    LIVE = "live"
    REPLAY = "replay"
    SIMULATED = "simulated"


class _Table(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, str_strip_whitespace=True, allow_inf_nan=False
    )


class SiteIdentity(_Table):
    """``[site]``: who and where."""

    id: Identifier
    label: str
    timezone: str = "Europe/Paris"
    language: Literal["fr", "en"] = "fr"
    limits: tuple[Literal["fr", "eu", "iso", "lund", "ramp"], ...] = ("fr", "eu", "iso", "lund", "ramp")
    hour_count_rule: Literal["hours_of_days_at_level", "all_hours_when_mean_at_level"] = (
        "hours_of_days_at_level"
    )
    thermal_models: bool = False


class MqttSettings(_Table):
    """``[mqtt]``: the broker; secrets come from files or ``VIGIPOSTE_MQTT_PASSWORD``, never from here."""

    url: str = "mqtt://127.0.0.1:1883"
    client_id: str | None = None
    username: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    shared_group: str | None = None
    receive_maximum: int = Field(default=1000, ge=1, le=65535)


class StoreSettings(_Table):
    """``[store]``: where readings go; ``summaries`` is the companion lake of an InfluxDB store."""

    url: str = "lake:./lake"
    summaries: str | None = None
    token_file: str | None = None


class PrivacySettings(_Table):
    """``[privacy]``: group size, retention and the pseudonym key (outside the data folder)."""

    group_size: int = Field(default=5, ge=2, le=100)
    wide_group_size: int = Field(default=10, ge=2, le=200)
    raw_days: int = Field(default=45, ge=1, le=366)
    summary_days: int = Field(default=365, ge=1, le=3660)
    merge_families: bool = True
    key_file: str | None = None


class DashboardSettings(_Table):
    """``[dashboard]``: who may enter the dashboard, and for how long."""

    accounts_file: str = "accounts.json"
    session_hours: float = Field(default=8.0, gt=0, le=24)


class Campaign(_Table):
    """``[[campaigns]]``: why, when, and on what consultation worn sensors are used."""

    id: Identifier
    start: Day = Field(alias="from")
    end: Day = Field(alias="to")
    purpose: str | None = None
    cse_reference: str | None = None
    cse_date: Day | None = None
    dpia_version: str | None = None
    simulation: bool = False


class Shift(_Table):
    """``[[shifts]]``: planned hours; an end not after its start lies on the next day."""

    id: Identifier
    label: str | None = None
    start: Clock
    end: Clock
    breaks: tuple[tuple[Clock, Clock], ...] = ()
    days: tuple[Weekday, ...] = (Weekday.MON, Weekday.TUE, Weekday.WED, Weekday.THU, Weekday.FRI)


class Roster(_Table):
    """``[[rosters]]``: which shifts a group works over the weeks (one entry a week, cycled)."""

    id: Identifier
    cycle: tuple[str, ...]
    nights: int | None = Field(default=None, ge=0, le=366)
    days_per_year: int = Field(default=218, ge=1, le=366)


class ExposureGroup(_Table):
    """``[[groups]]``: people who share exposure, as a headcount."""

    id: Identifier
    label: str | None = None
    workstations: tuple[str, ...]
    workers: int = Field(ge=1)
    roster: str | None = None


class Workstation(_Table):
    """``[[workstations]]``: the unit every result speaks of."""

    id: Identifier
    label: str
    family: str | None = None
    shifts: tuple[str, ...] = ()
    hours_per_year: float | None = Field(default=None, gt=0, le=8784)
    metabolic_class: MetabolicClass = MetabolicClass.MODERATE
    clothing: Clothing = Clothing.WORK_CLOTHES
    clothing_clo: float | None = Field(default=None, gt=0, le=5)
    acclimatised: bool = False
    protector: str | None = None
    position_m: Point | None = None
    indoor_process: bool = False
    noise_strategy: Literal["auto", "full_day", "job_based", "task_based"] = "auto"
    occupancy_hours: float | None = Field(default=None, gt=0, le=24)
    technical_actions_per_minute: float | None = Field(default=None, ge=0, le=600)
    cycle_s: float | None = Field(default=None, gt=0)


class Task(_Table):
    """``[[tasks]]``: a part of the work at one workstation and its planned share of a shift."""

    id: Identifier
    workstation: str
    label: str
    hours: float = Field(gt=0, le=24)


class Protector(_Table):
    """``[[protectors]]``: a hearing protector as its maker declares it, and the real-world derating.

    Octave bands are the keys ``"63"`` to ``"8000"``: either mean and standard deviation of the attenuation,
    or the assumed protection value.
    """

    id: Identifier
    label: str
    h_db: float | None = Field(default=None, ge=0, le=60)
    m_db: float | None = Field(default=None, ge=0, le=60)
    l_db: float | None = Field(default=None, ge=0, le=60)
    snr_db: float | None = Field(default=None, ge=0, le=60)
    octave_mean_db: Mapping[str, float] = Field(default_factory=dict)
    octave_sd_db: Mapping[str, float] = Field(default_factory=dict)
    octave_apv_db: Mapping[str, float] = Field(default_factory=dict)
    real_world_db: float = Field(default=4.0, ge=0, le=20)


class Sensor(_Table):
    """``[[sensors]]``: one device. Where it is and who wears it stands in placements and assignments."""

    id: Identifier
    kind: Kind
    label: str | None = None
    model: str | None = None
    instrument_class: InstrumentClass = InstrumentClass.UNKNOWN
    u2_db: float | None = Field(default=None, gt=0, le=10)
    channels: tuple[str, ...] = ()
    period_s: float | None = Field(default=None, gt=0, le=86400)
    range_g: float | None = Field(default=None, gt=0, le=32)
    globe_diameter_m: float = Field(default=0.15, gt=0, le=0.3)
    fusion: bool = False
    origin: Origin = Origin.LIVE


class Placement(_Table):
    """``[[placements]]``: sensor at a workstation during ``[from, to)``, mounted and calibrated so."""

    sensor: str
    workstation: str
    mount: Mount
    start: Moment = Field(alias="from")
    end: Moment | None = Field(default=None, alias="to")
    calibration: str | None = None
    wearer: str | None = None
    height_m: float | None = Field(default=None, ge=0, le=5)


class Calibration(_Table):
    """``[[calibrations]]``: reference postures (g, sensor axes) or the microphone check.

    A check after the series may ``close`` the record of the check before it: the series lies between both.
    """

    id: Identifier
    sensor: str
    at: Moment
    kind: Literal["two_postures", "upright_only", "estimated", "microphone"]
    upright: Vector | None = None
    lean: Vector | None = None
    error_deg: float | None = Field(default=None, ge=0, le=90)
    level_before_db: float | None = None
    level_after_db: float | None = None
    closes: str | None = None


class Source(_Table):
    """``[[sources]]``: how a foreign device's topic is read."""

    topic: str
    codec: Literal["chirpstack", "ttn", "zigbee2mqtt", "tasmota", "shelly", "json"]
    sensor: str
    fields: Mapping[str, str] = Field(default_factory=dict)
    time: str | None = None
    stamp: Literal["start", "end"] = "start"


class ImportRule(_Table):
    """``[[imports]]``: how a logger's export is read."""

    file: str
    codec: Literal["dosimeter_csv", "temperature_csv", "axivity"]
    sensor: str
    columns: Mapping[str, str] = Field(default_factory=dict)
    units: Mapping[str, str] = Field(default_factory=dict)
    day_first: bool = True


class Floor(_Table):
    """``[floor]``: the plan that sensor placement works on."""

    size_m: Point
    background: str | None = None
    obstacles: tuple[tuple[Point, Point], ...] = ()
    forbidden: tuple[tuple[Point, Point], ...] = ()


class Site(_Table):
    """A whole site file, schema 1."""

    schema_version: Literal[1] = Field(alias="schema")
    site: SiteIdentity
    mqtt: MqttSettings = MqttSettings()
    store: StoreSettings = StoreSettings()
    privacy: PrivacySettings = PrivacySettings()
    dashboard: DashboardSettings = DashboardSettings()
    campaigns: tuple[Campaign, ...] = ()
    shifts: tuple[Shift, ...] = ()
    rosters: tuple[Roster, ...] = ()
    groups: tuple[ExposureGroup, ...] = ()
    workstations: tuple[Workstation, ...] = ()
    tasks: tuple[Task, ...] = ()
    protectors: tuple[Protector, ...] = ()
    sensors: tuple[Sensor, ...] = ()
    placements: tuple[Placement, ...] = ()
    calibrations: tuple[Calibration, ...] = ()
    sources: tuple[Source, ...] = ()
    imports: tuple[ImportRule, ...] = ()
    floor: Floor | None = None

    def find(self, table: str, identifier: str) -> Any:
        """Row of `table` with this id, or ``None``."""
        rows: tuple[Any, ...] = getattr(self, table)
        return next((row for row in rows if row.id == identifier), None)
