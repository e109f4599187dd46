"""Where the fleet view gets its results and states from, and where it writes down who looked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from indicators.fleet.model import FleetResult
from indicators.model import WeeklyResult
from sensors.errors import ConfigurationError, UnknownNameError
from sensors.fleet_file import BrokenSite, Fleet, FleetSite
from sensors.periods import DatePeriod, week_period

if TYPE_CHECKING:
    from sensors.site_book import SiteBook

__all__ = ["FleetSource"]

_KEPT_S = 300.0
_KEPT_RESULTS = 8


class FleetSource:
    """Results of a fleet and its sites, each kept for some minutes; safe to use from several threads.

    Parameters
    ----------
    fleet : Fleet
        The sites.
    whole : callable(Fleet, DatePeriod) -> FleetResult
        Computes the fleet, or a part of its sites.
    single : callable(FleetSite, DatePeriod) -> WeeklyResult
        Computes one site, gated and fit to be issued.
    survey : callable(SiteBook) -> Overview, optional
        State of the sensors, the ingest and the store of a site.
    log_access : callable(SiteBook, event, details), optional
        Writes into the access log of a site.
    load : callable() -> Fleet, optional
        Reads the fleet again while a site is left out, so that it comes back once its file is mended.
    """

    def __init__(
        self,
        fleet: Fleet,
        whole: Callable[[Fleet, DatePeriod], FleetResult],
        single: Callable[[FleetSite, DatePeriod], WeeklyResult],
        survey: Callable[[SiteBook], Any] | None = None,
        log_access: Callable[[SiteBook, str, Mapping[str, Any]], object] | None = None,
        load: Callable[[], Fleet] | None = None,
    ) -> None:
        self.fleet = fleet
        self.survey = survey
        self.permitted: Callable[[str], Collection[str]] = lambda _name: ()
        self._whole = whole
        self._single = single
        self._log_access = log_access
        self._load = load
        self._read_at = time.monotonic()
        self._kept: dict[tuple[DatePeriod, tuple[str, ...]], tuple[float, FleetResult]] = {}
        self._looks: set[tuple[date, str, str, str]] = set()
        self._lock = threading.Lock()

    def period(self, week: str | None) -> DatePeriod:
        """An ISO week, the last complete one by default."""
        return week_period(week, self.fleet.sites[0].book.zone, datetime.now(UTC))

    def sites_of(self, name: str) -> tuple[FleetSite, ...]:
        """Sites that the account `name` may see: those it lists, or all."""
        own = self.permitted(name)
        return tuple(site for site in self.fleet.sites if not own or site.id in own)

    def broken_of(self, name: str) -> tuple[BrokenSite, ...]:
        """Sites left out because of their file, of those that the account `name` may see.

        One whose file does not even give its id may be theirs where a site that they list is not there.
        """
        own = set(self.permitted(name))
        unfound = own - {site.id for site in self.fleet.sites} - {site.id for site in self.fleet.broken}
        return tuple(
            site
            for site in self.fleet.broken
            if not own or site.id in own or (site.known_id is None and unfound)
        )

    def look_again(self) -> None:
        """Read the fleet again, every few minutes, while a site of it is left out."""
        with self._lock:
            if self._load is None or not self.fleet.broken or time.monotonic() - self._read_at < _KEPT_S:
                return
            self._read_at = time.monotonic()
            with suppress(ConfigurationError):
                self.fleet = self._load()

    def result(self, period: DatePeriod, name: str = "") -> FleetResult:
        """The result of a period over the sites that an account may see."""
        self.look_again()
        sites, broken = self.sites_of(name), self.broken_of(name)
        if not sites and not broken:
            raise UnknownNameError("the fleet has no site that this account may see", value=name)
        key = period, (*(site.id for site in sites), *(site.id for site in broken))
        with self._lock:
            known = self._kept.get(key)
            if known is None or time.monotonic() - known[0] > _KEPT_S:
                known = time.monotonic(), self._whole(replace(self.fleet, sites=sites, broken=broken), period)
                self._kept.pop(key, None)
                self._kept[key] = known
                while len(self._kept) > _KEPT_RESULTS:
                    self._kept.pop(next(iter(self._kept)))
            return known[1]

    def site(self, identifier: str, name: str = "") -> FleetSite:
        """One site; ``UnknownNameError`` when there is none of this id among those of the account."""
        sites = self.sites_of(name)
        for site in sites:
            if site.id == identifier:
                return site
        raise UnknownNameError(
            "the fleet has no such site", value=identifier, rule=", ".join(site.id for site in sites)
        )

    def site_result(self, site: FleetSite, period: DatePeriod) -> WeeklyResult:
        """Gated result of one site."""
        return self._single(site, period)

    def log(self, event: str, details: Mapping[str, Any]) -> None:
        """Write into the access log of each site that whoever did it may see; of all for a stranger."""
        if self._log_access is not None:
            for site in self.sites_of(str(details.get("by", ""))):
                self._log_access(site.book, event, {**details, "fleet": self.fleet.id})

    def log_once(self, event: str, by: str, what: str, site: FleetSite | None = None) -> None:
        """Write a look once a day, person and thing: into the log of `site`, or of each site they may see."""
        look = datetime.now(UTC).date(), event, by, f"{'' if site is None else site.id} {what}"
        with self._lock:
            if look in self._looks:
                return
        details = {"what": what, **({"by": by} if by else {})}
        if site is None:
            self.log(event, details)
        elif self._log_access is not None:
            self._log_access(site.book, event, {**details, "fleet": self.fleet.id})
        with self._lock:
            # Only a look that stands in the log is not written again.
            self._looks = {one for one in self._looks if one[0] == look[0]} | {look}
