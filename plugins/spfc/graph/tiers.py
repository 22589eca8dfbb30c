"""What Microsoft allows an app in a tenant, by number of licences (Graph reference 10.1), and what we make of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from spfc.pacing.account import HEADROOM, MINUTE, Quota


@dataclass(frozen=True, slots=True)
class Tier:
    """Resource units that one app may spend in one tenant."""

    per_minute: int
    per_day: int


TIERS: Final[Mapping[str, Tier]] = MappingProxyType(
    {
        "0-1k": Tier(1_250, 1_200_000),
        "1k-5k": Tier(2_500, 2_400_000),
        "5k-15k": Tier(3_750, 3_600_000),
        "15k-50k": Tier(5_000, 4_800_000),
        "50k+": Tier(6_250, 6_000_000),
    }
)
AUTO: Final = "auto"
"""The tenant's size is not known: begin as in the smallest one and feel the way up."""
NONE: Final = "none"
"""No limit of our own: only what the service says while we go."""
NAMES: Final = (AUTO, *TIERS, NONE)
FIRST_RATE: Final = 20.0
"""Units per second to begin with when nothing is known (Graph reference 10.3, rule 1)."""


def quota(tier: str, units_per_minute: int | None, units_per_day: int | None) -> Quota:
    """Return what settings allow: a number that is given counts, else the tier's; see :data:`AUTO` and :data:`NONE`."""
    known = TIERS.get(tier)
    per_day = units_per_day or (known.per_day if known else None)
    if units_per_minute:
        return Quota(units_per_minute / MINUTE, per_day=per_day)
    if known:
        return Quota(known.per_minute * HEADROOM / MINUTE, per_day=per_day)
    if tier == NONE:
        return Quota(per_day=per_day)
    largest = max(each.per_minute for each in TIERS.values())
    return Quota(FIRST_RATE, ceiling=largest * HEADROOM / MINUTE, per_day=per_day)
