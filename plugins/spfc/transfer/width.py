"""How many jobs at once are worth it: more while that brings more, fewer when a service turns us away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

FEW = 4
"""Jobs at once in the beginning, or :data:`START_SHARE` of the ceiling if that is more."""
START_SHARE = 4
"""The beginning is this part of the ceiling: two doublings away from it."""
GAIN = 1.1
"""Work per second has grown when it is this many times as much: less may be chance."""
FILE_WORTH = 1 << 20
"""A file's requests count as much as this many bytes, so that smaller files than before are no change of pace."""
PIECE = 16 << 20
"""So many bytes of a long file make a round go by as one ended file does."""
EVENTS_EACH = 2
"""A round lasts until every one of the jobs at once may have ended so many files or pieces."""


class Phase(StrEnum):
    """What the next rounds are for."""

    CLIMB = "climb"
    """The beginning: double as long as that brings more."""
    HOLD = "hold"
    """Stay, and know the pace."""
    TRY = "try"
    """A quarter more, to see whether that brings more by now."""
    RECOVER = "recover"
    """After a refusal: one more with every round in which nobody is refused."""


ROUND_SECONDS: Mapping[Phase, float] = {Phase.CLIMB: 0.25, Phase.HOLD: 2.0, Phase.TRY: 2.0, Phase.RECOVER: 0.5}
"""How long a round lasts at least."""
ROUNDS_IN_VAIN = 3
"""Rounds that must all have brought nothing before a step up is taken back: the best of them counts."""
PATIENCE = 2
"""Rounds of holding before the first try; each one in vain doubles them, up to :data:`LONGEST_PATIENCE`."""
LONGEST_PATIENCE = 64


@dataclass(frozen=True, slots=True)
class Done:
    """Totals since the beginning: files that have ended in any way, bytes that have arrived, and refusals.

    A refusal is an answer that says "not now" (429, 503), or a connection that was not accepted.
    """

    files: int = 0
    size: int = 0
    refusals: int = 0

    @property
    def events(self) -> int:
        """Ended files, and the pieces of long ones."""
        return self.files + self.size // PIECE

    @property
    def worth(self) -> int:
        """All work as one number, in bytes."""
        return self.files * FILE_WORTH + self.size


class Width:
    """The number of jobs at once (:attr:`limit`), between 1 and ``ceiling``. No clock of its own, no I/O, one thread.

    It is told the totals as often as anything ends. At a refusal it is halved, once in a round however many there are,
    and comes back one by one to just below where it was.
    """

    def __init__(self, ceiling: int, now: float) -> None:
        """``ceiling`` is at least 1; ``now`` (seconds, of whatever clock) is the beginning of the first round."""
        self._ceiling = ceiling
        self.limit = min(ceiling, max(FEW, ceiling // START_SHARE))
        self.phase = Phase.CLIMB if self.limit < ceiling else Phase.HOLD
        self._began, self._before = now, Done()
        self._pace: float | None = None
        """Work per second before the last step up."""
        self._back = self.limit
        """Where a step up that brings nothing leads back to, and where a recovery ends."""
        self._patience, self._rounds, self._deaf = PATIENCE, 0, False

    def look(self, now: float, done: Done) -> bool:
        """Take in the totals at ``now``; say whether the limit is another one than before."""
        limit = self.limit
        if done.refusals > self._before.refusals and not self._deaf:
            self._shrink()
        elif self._is_over(now, done):
            self._conclude((done.worth - self._before.worth) / (now - self._began))
        else:
            return False
        self._began, self._before = now, done
        return self.limit != limit

    def _is_over(self, now: float, done: Done) -> bool:
        long_enough = now - self._began >= ROUND_SECONDS[self.phase]
        return long_enough and done.events - self._before.events >= EVENTS_EACH * self.limit

    def _shrink(self) -> None:
        self._back = max(1, self.limit - 1)
        self.limit = max(1, self.limit // 2)
        self._deaf = True  # whoever is under way may run into the same wall: that is no news
        self._enter(Phase.RECOVER)

    def _conclude(self, pace: float) -> None:
        if self._deaf:
            self._deaf = False
        elif self.phase is Phase.RECOVER:
            self._recover()
        elif self.phase is Phase.HOLD:
            self._hold(pace)
        else:
            self._judge(pace)

    def _recover(self) -> None:
        self.limit = min(self._back, self.limit + 1)
        if self.limit == self._back:
            self._enter(Phase.HOLD)

    def _hold(self, pace: float) -> None:
        self._rounds += 1
        if self._rounds >= self._patience and self.limit < self._ceiling:
            self._enter(Phase.TRY)
            self._step_up(pace)

    def _judge(self, pace: float) -> None:
        """Go on, or back, after a round that was wider than the one before."""
        self._rounds += 1
        if self._pace is not None and pace < GAIN * self._pace:
            if self._rounds < ROUNDS_IN_VAIN:
                return
            self.limit = self._back
            self._patience = min(LONGEST_PATIENCE, 2 * self._patience) if self.phase is Phase.TRY else PATIENCE
            self._enter(Phase.HOLD)
        elif self.limit == self._ceiling:
            self._enter(Phase.HOLD)
        else:
            self._patience = PATIENCE
            self._step_up(pace)

    def _step_up(self, pace: float) -> None:
        self._back, self._pace, self._rounds = self.limit, pace, 0
        more = self.limit if self.phase is Phase.CLIMB else max(1, self.limit // 4)
        self.limit = min(self._ceiling, self.limit + more)

    def _enter(self, phase: Phase) -> None:
        self.phase, self._rounds = phase, 0
