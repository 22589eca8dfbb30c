"""The rules of a shared budget as one pure step: what a holder reports and asks, and what it is granted.

Times are seconds since 1970 of the clock of whoever settles. Clocks of two workers may differ by a second or two:
refilling follows the furthest clock, so that the sum of all grants never exceeds the rate; a pause that somebody else
was told to keep is kept :data:`SKEW` longer. A clock that is more than a minute ahead of the others is not believed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

MINUTE: Final = 60
DAY: Final = 86_400
SKEW: Final = 2.0
"""How far the clocks of two workers may lie apart."""
GROWTH: Final = 5.0
"""Units per second that a rate grows by after a busy minute without a signal: a quarter of where it begins."""
CUT: Final = 0.5
"""What is left of a rate after the service has told us to wait."""
FLOOR: Final = 1.0
"""Units per second that are always tried."""
INTERVAL: Final = 1.0
"""Seconds for which a batch is meant."""
BUSY: Final = 0.8
"""Share of its rate that a minute must have used to prove that more was wanted."""
HEADROOM: Final = 0.96
"""Share of the service's limit that is aimed at: 1,250 units a minute become 20 a second (Graph reference 10.3)."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What the settings allow. ``rate`` is units per second (None: no limit), ``ceiling`` is how far it may grow."""

    rate: float | None = None
    ceiling: float | None = None
    per_day: int | None = None

    @property
    def most(self) -> float:
        """The highest rate that growing may reach, in units per second; only where there is a rate."""
        return max(self.ceiling or 0.0, self.rate or 0.0)


@dataclass(frozen=True, slots=True)
class Account:
    """What is known of a budget by all who share it. The default is one that nobody has used yet."""

    rate: float = 0.0
    """Units per second that are granted now; 0 = not decided yet."""
    base: float = 0.0
    """The rate of the settings that ``rate`` was begun with: other settings begin anew."""
    level: float = 0.0
    level_at: float = 0.0
    signal_at: float = 0.0
    """When the service last told us that it is too much."""
    limit: int = 0
    """Units per minute that the service itself has named, 0 = it never did."""
    pause_until: float = 0.0
    paused_by: str = ""
    minute: int = 0
    minute_units: int = 0
    day: int = 0
    day_units: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """What one holder has been granted and not yet accounted for. After ``until`` it counts as spent."""

    units: int
    until: float


@dataclass(frozen=True, slots=True)
class Report:
    """What a holder tells and asks in one go.

    ``leased`` is what it was granted last, ``spent`` what it has used since its last report. ``want`` units are needed
    at once, the grant may be more. ``leave``: it needs nothing for now.
    """

    leased: int = 0
    spent: int = 0
    want: int = 0
    leave: bool = False
    pause: float | None = None
    """Seconds that the service told it, just now, to keep away."""
    limit: int | None = None
    """Units per minute that the service has named."""
    warned: bool = False
    """The service says that its limit is near, without naming it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The answer: units granted (``inf`` without a limit), and all that a holder needs to know until it asks again."""

    granted: float = 0.0
    wait: float = 0.0
    """Seconds until asking again can bring more."""
    pause: float = 0.0
    """Seconds that nobody may ask the service."""
    tomorrow: float = 0.0
    """Seconds to the next day when the budget of this one is spent, else 0."""
    others: int = 0
    """Units that other holders may be spending."""
    rate: float = math.inf
    minute_units: int = 0
    day_units: int = 0


@dataclass(frozen=True, slots=True)
class Terms:
    """How a bank lends: ``burst`` seconds' worth at most, for ``lease`` seconds; ``batches`` = more than was wanted."""

    burst: float = 1.0
    lease: float = 5.0
    batches: bool = False


def settle(
    account: Account, shares: Mapping[str, Share], holder: str, report: Report, quota: Quota, terms: Terms, now: float
) -> tuple[Account, dict[str, Share], Standing]:
    """Return the account and the shares after ``holder`` has reported, and what it is answered."""
    account = _rolled(_believable(account, now), quota, now)
    account, live = _accounted(account, shares, holder, report, now)
    own = shares.get(holder)
    elapsed = INTERVAL if own is None else now - (own.until - terms.lease)
    account = _refilled(_signalled(account, holder, report, now), quota, terms, now)
    others = sum(share.units for share in live.values())
    fair = _fair(account, terms, elapsed, len(live) + 1)
    standing = _answer(account, quota, terms, report, fair, others, now)
    pause = account.pause_until - now + (0.0 if account.paused_by == holder else SKEW)
    if pause > 0:
        standing = replace(standing, granted=0.0, wait=pause, pause=pause, tomorrow=0.0)
    units = 0 if math.isinf(standing.granted) else int(standing.granted)
    if not report.leave:
        live[holder] = Share(units, now + terms.lease)
    return replace(account, level=account.level - units), live, standing


def _believable(account: Account, now: float) -> Account:
    """Take back what a clock far in the future has written: else nobody would be granted anything until then."""
    if account.level_at <= now + MINUTE:
        return account
    return replace(account, level_at=now, signal_at=min(account.signal_at, now), minute=0, minute_units=0,
                   day=min(account.day, int(now // DAY)))  # fmt: skip


def _rolled(account: Account, quota: Quota, now: float) -> Account:
    """Begin a new minute and a new day (UTC) where it is time; a good minute raises the rate."""
    base = quota.rate or 0.0
    rate = account.rate if account.base == base else base
    minute, day = int(now // MINUTE), int(now // DAY)
    most = min(quota.most, account.limit * HEADROOM / MINUTE) if account.limit else quota.most
    if minute > account.minute:
        proven = account.minute == minute - 1 and account.minute_units >= BUSY * rate * MINUTE
        if proven and account.signal_at < account.minute * MINUTE:
            rate += GROWTH
        account = replace(account, minute=minute, minute_units=0)
    if day > account.day:
        # A limit is believed for a day: the tenant may have been given a higher one since.
        account = replace(account, day=day, day_units=0, limit=0)
    return replace(account, rate=min(rate, most), base=base)


def _accounted(
    account: Account, shares: Mapping[str, Share], holder: str, report: Report, now: float
) -> tuple[Account, dict[str, Share]]:
    """Book what was spent and take back what was not; what an expired holder had counts as spent."""
    own = shares.get(holder)
    others = {name: share for name, share in shares.items() if name != holder}
    live = {name: share for name, share in others.items() if share.until > now}
    lost = sum(share.units for name, share in others.items() if name not in live)
    # A holder whose share has expired meanwhile was booked for all of it: what it did not spend is taken off again.
    booked = report.spent if own is not None else report.spent - report.leased
    unused = max(0, report.leased - report.spent)
    account = replace(
        account,
        level=account.level + unused,
        minute_units=max(0, account.minute_units + lost + booked),
        day_units=max(0, account.day_units + lost + booked),
    )
    return account, live


def _signalled(account: Account, holder: str, report: Report, now: float) -> Account:
    if report.limit:
        account = replace(account, limit=report.limit, rate=min(account.rate, report.limit * HEADROOM / MINUTE))
    if report.warned:
        account = replace(account, signal_at=max(account.signal_at, now))
    if report.pause is None:
        return account
    if now >= account.pause_until:  # many requests may run into one wall: one cut
        account = replace(account, rate=min(account.rate, max(FLOOR, account.rate * CUT)))
    account = replace(account, signal_at=max(account.signal_at, now))
    until = now + report.pause
    return replace(account, pause_until=until, paused_by=holder) if until > account.pause_until else account


def _refilled(account: Account, quota: Quota, terms: Terms, now: float) -> Account:
    if quota.rate is None:
        return replace(account, level=0.0, level_at=max(now, account.level_at))
    capacity = max(1.0, account.rate * terms.burst)
    if account.level_at == 0.0:
        return replace(account, level=capacity, level_at=now)
    passed = max(0.0, now - account.level_at)
    return replace(
        account, level=min(capacity, account.level + passed * account.rate), level_at=max(now, account.level_at)
    )


def _fair(account: Account, terms: Terms, elapsed: float, holders: int) -> int:
    """Return the part of the time since it last asked that is a holder's when all want the same.

    It is rounded down until something has gathered, and then up: so nothing is lost, and who comes last in each round
    still finds something.
    """
    if not terms.batches:
        return 0
    part = account.rate * min(max(elapsed, INTERVAL), terms.burst) / holders
    return math.floor(part) if account.level < account.rate * terms.burst / 2 else math.ceil(part)


def _answer(
    account: Account, quota: Quota, terms: Terms, report: Report, fair: int, others: int, now: float
) -> Standing:
    standing = Standing(
        others=others, rate=math.inf if quota.rate is None else account.rate,
        minute_units=account.minute_units, day_units=account.day_units,
    )  # fmt: skip
    if report.leave:
        return standing
    left = math.inf if quota.per_day is None else quota.per_day - account.day_units - others
    if left < max(report.want, 1):
        return replace(standing, tomorrow=(account.day + 1) * DAY - now)
    if quota.rate is None:
        return replace(standing, granted=math.inf)
    capacity = max(1.0, account.rate * terms.burst)
    short = min(float(report.want), capacity) - account.level
    if short > 1e-9:
        # A hair more than needed, so that rounding cannot make the next look come too early, for ever.
        return replace(standing, wait=short / account.rate + 1e-6)
    return replace(standing, granted=min(left, max(report.want, min(fair, math.floor(account.level)))))
