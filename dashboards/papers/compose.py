"""The four papers, each a choice of sections over the same facts; blanks are left where only people know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from dashboards.catalogue import Text, catalogue, text
from dashboards.papers.paper import Paper, Section, Table
from dashboards.typography import long_date
from indicators.governance.papers import PaperFacts, SensorFacts
from sensors.errors import UnknownNameError
from sensors.quantities import QUANTITIES, Kind

__all__ = ["PAPERS", "compose"]


class _Words:
    """Sentences that several papers share."""

    def __init__(self, facts: PaperFacts, language: str) -> None:
        self.facts = facts
        self.language = language
        self.say: Text = text(language)

    def joined(self, items: tuple[str, ...]) -> str:
        """Items as one enumeration."""
        return ", ".join(items) or self.say("papers.none")

    def quantities(self, row: SensorFacts) -> str:
        """Quantities of the work, without the device's own health."""
        named = tuple(self.say(f"quantities.{name}") for name in row.quantities if QUANTITIES[name].kind)
        return self.joined(named)

    def rhythm(self, row: SensorFacts) -> str:
        """How often a value comes, in words."""
        if row.period_s < 1.0:
            return self.say("papers.per_second", n=round(1.0 / row.period_s))
        if row.period_s < 60.0:
            n = round(row.period_s)
            return self.say("papers.every_second" if n == 1 else "papers.every_seconds", n=n)
        n = round(row.period_s / 60.0)
        return self.say("papers.every_minute" if n == 1 else "papers.every_minutes", n=n)

    def where(self, row: SensorFacts) -> str:
        """Place on the body or in the room."""
        return self.say(f"mounts.{row.mount.value}")

    def sensor(self, row: SensorFacts) -> str:
        """One sentence a group of sensors."""
        shown = self.say(
            "papers.sensor",
            kind=self.say(f"papers.kind_{row.kind.value}"),
            n=row.count,
            where=self.where(row),
            quantities=self.quantities(row),
            rhythm=self.rhythm(row),
        )
        shown = shown[0].upper() + shown[1:]
        return f"{shown} {self.say('papers.sensor_simulated')}" if row.simulated else shown

    def health(self) -> str:
        """What devices tell of themselves."""
        own = {name for row in self.facts.sensors for name in row.quantities if QUANTITIES[name].kind is None}
        named = tuple(self.say(f"quantities.{name}") for name in QUANTITIES if name in own)
        return self.say("papers.health", quantities=self.joined(named))

    def stations(self) -> tuple[str, ...]:
        """Workstations with the sensors at each."""
        labels = dict.fromkeys(label for row in self.facts.sensors for label in row.workstations)
        return tuple(
            self.say(
                "papers.station",
                station=label,
                kinds=self.joined(
                    tuple(
                        self.say(f"papers.kind_{kind.value}")
                        for kind in Kind
                        if any(row.kind is kind and label in row.workstations for row in self.facts.sensors)
                    )
                ),
            )
            for label in labels
        )

    def purpose(self) -> str:
        """Why, in the campaign's own words."""
        campaign = self.facts.campaign
        stated = None if campaign is None else campaign.purpose
        return self.say("papers.purpose", purpose=stated or self.say("papers.blank"))

    def consultation(self) -> str:
        """When the works council was consulted, and the impact assessment."""
        campaign = self.facts.campaign
        blank = self.say("papers.blank")
        if campaign is None:
            return self.say("papers.no_campaign")
        if campaign.simulation and any(row.worn and not row.simulated for row in self.facts.sensors):
            return self.say("papers.simulated_campaign")
        day = campaign.cse_date
        return self.say(
            "papers.consultation",
            first=long_date(campaign.first, language=self.language),
            last=long_date(campaign.last, language=self.language),
            reference=campaign.cse_reference or blank,
            date=blank if day is None else long_date(day, language=self.language),
            dpia=campaign.dpia_version or blank,
        )

    def retention(self) -> tuple[str, ...]:
        """How long each layer is kept."""
        facts = self.facts
        return (
            self.say("papers.keep_raw", days=facts.raw_days),
            self.say("papers.keep_minutes", days=facts.summary_days),
            self.say("papers.keep_aggregates"),
        )

    def audiences(self) -> tuple[str, ...]:
        """Who sees what."""
        facts = self.facts
        return (
            self.say("papers.sees_all", k=facts.group_size),
            self.say("papers.sees_wide", k=facts.wide_group_size),
            self.say("papers.sees_analyst"),
            self.say("papers.sees_operator"),
            self.say("papers.sees_worker"),
        )

    def rights(self) -> tuple[str, ...]:
        """What a wearer may do, and how."""
        return tuple(
            self.say(f"papers.{code}")
            for code in ("right_pause", "right_access", "right_withdraw", "right_refuse", "right_cnil")
        )

    def never(self) -> tuple[str, ...]:
        """What is not collected."""
        return (self.say("papers.never"), self.say("papers.never_used"))

    def safeguards(self) -> tuple[str, ...]:
        """Measures of the tool that are tested properties of it."""
        facts = self.facts
        pseudonyms = self.say("papers.safe_keyed" if facts.keyed else "papers.safe_pseudonyms")
        return (
            pseudonyms,
            self.say("papers.safe_groups", k=facts.group_size),
            self.say("papers.safe_log"),
            self.say("papers.safe_closed_list"),
            self.say("papers.safe_purge"),
            self.say("papers.safe_pause"),
        )

    def indicators(self) -> tuple[str, ...]:
        """Names of what is computed; rows that only qualify another indicator have none of their own."""
        named = catalogue(self.language)
        shown = [name for name in self.facts.indicators if f"indicators.{name}" in named]
        return tuple(self.say(f"indicators.{name}") for name in shown)

    def sensor_table(self) -> Table:
        """Equipment in a table."""
        heads = ("head_kind", "head_number", "head_place", "head_quantities", "head_rhythm", "head_stations")
        return Table(
            tuple(self.say(f"papers.{head}") for head in heads),
            tuple(
                (
                    self.say(f"papers.kind_{row.kind.value}"),
                    str(row.count),
                    self.where(row),
                    self.quantities(row),
                    self.rhythm(row),
                    self.joined(row.workstations),
                )
                for row in self.facts.sensors
            ),
        )

    def section(
        self,
        head: str,
        *paragraphs: str,
        items: tuple[str, ...] = (),
        table: Table | None = None,
    ) -> Section:
        """A section whose head is ``papers.<head>``."""
        return Section(self.say(f"papers.{head}"), paragraphs, items, table)


def _notice(words: _Words) -> tuple[Section, ...]:
    sensors = tuple(words.sensor(row) for row in words.facts.sensors)
    return (
        words.section("head_what", items=(*sensors, words.health())),
        words.section("head_never", *words.never()),
        words.section("head_why", words.purpose(), words.consultation(), words.say("papers.basis")),
        words.section("head_where", items=words.stations()),
        words.section("head_how_long", items=words.retention()),
        words.section("head_who", items=words.audiences()),
        words.section("head_rights", items=words.rights()),
        words.section("head_contact", words.say("papers.contact")),
    )


def _dpia(words: _Words) -> tuple[Section, ...]:
    say = words.say
    risks = ("access", "change", "loss", "misuse", "singling_out")
    table = Table(
        (
            say("papers.head_risk"),
            say("papers.head_source"),
            say("papers.head_measures"),
            say("papers.head_residual"),
        ),
        tuple(
            (
                say(f"papers.risk_{name}"),
                say(f"papers.source_{name}"),
                say(f"papers.measure_{name}"),
                say("papers.blank"),
            )
            for name in risks
        ),
    )
    return (
        words.section("head_description", words.purpose(), words.consultation(), table=words.sensor_table()),
        words.section("head_indicators", items=words.indicators()),
        words.section("head_necessity", say("papers.necessity"), *words.never(), say("papers.basis")),
        words.section("head_recipients", items=words.audiences()),
        words.section("head_how_long", items=words.retention()),
        words.section("head_rights", items=words.rights()),
        words.section("head_safeguards", items=words.safeguards()),
        words.section("head_risks", table=table),
        words.section("head_opinions", say("papers.opinions")),
    )


def _cse(words: _Words) -> tuple[Section, ...]:
    say = words.say
    return (
        words.section("head_object", say("papers.cse_object"), words.purpose(), words.consultation()),
        words.section("head_equipment", table=words.sensor_table()),
        words.section("head_indicators", items=words.indicators()),
        words.section("head_never", *words.never()),
        words.section("head_safeguards", items=words.safeguards()),
        words.section("head_who", items=words.audiences()),
        words.section("head_how_long", items=words.retention()),
        words.section("head_reopens", say("papers.reopens")),
        words.section("head_opinion", say("papers.opinion")),
    )


def _register(words: _Words) -> tuple[Section, ...]:
    say = words.say
    people = any(row.worn and not row.simulated for row in words.facts.sensors)
    return (
        words.section("head_controller", say("papers.controller")),
        words.section("head_why", words.purpose(), words.consultation(), say("papers.basis")),
        words.section("head_people", say("papers.people_worn" if people else "papers.people_none")),
        words.section("head_categories", table=words.sensor_table()),
        words.section("head_recipients", items=words.audiences()),
        words.section("head_transfers", say("papers.transfers", store=words.facts.store)),
        words.section("head_how_long", items=words.retention()),
        words.section("head_safeguards", items=words.safeguards()),
    )


PAPERS: Mapping[str, Callable[[_Words], tuple[Section, ...]]] = MappingProxyType(
    {"notice": _notice, "dpia": _dpia, "cse": _cse, "register": _register}
)
"""Papers by name."""


def compose(facts: PaperFacts, paper: str, language: str) -> Paper:
    """Paper `paper` in `language`.

    Raises
    ------
    UnknownNameError
        ``unknown_paper``, ``unknown_language``.
    """
    if paper not in PAPERS:
        raise UnknownNameError(
            "there is no such paper", value=paper, rule=f"one of {', '.join(PAPERS)}", code="unknown_paper"
        )
    words = _Words(facts, language)
    return Paper(
        language,
        words.say(f"papers.title_{paper}", site=facts.label),
        words.say(f"papers.lead_{paper}"),
        PAPERS[paper](words),
        words.say("papers.version", version=facts.version),
        one_page=paper == "notice",
    )
