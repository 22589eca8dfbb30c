"""How many at once: doubles in the beginning, holds where more brings nothing, halves when it is refused."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spfc.transfer.width import GAIN, PATIENCE, PIECE, ROUND_SECONDS, ROUNDS_IN_VAIN, Done, Phase, Width

EXAMPLES = int(os.environ.get("SPFC_EXAMPLES", "100"))


@dataclass
class Service:
    """A simulated service and its client: ``pace`` says how many files end per second at a width."""

    ceiling: int
    pace: Callable[[int], float]
    size: int = 10_000
    looks_per_second: float = 1000.0
    refuses: Callable[[int], bool] = lambda width: False
    now: float = 0.0
    done: Done = field(default_factory=Done)
    limits: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.width = Width(self.ceiling, self.now)
        self.limits = [self.width.limit]

    def end_file(self) -> None:
        limit = self.width.limit
        pace = self.pace(limit)
        files = max(1, int(pace / self.looks_per_second))
        self.now += files / pace
        refusals = self.done.refusals + self.refuses(limit)
        self.done = Done(self.done.files + files, self.done.size + files * self.size, refusals)
        changed = self.width.look(self.now, self.done)
        assert changed == (self.width.limit != limit)
        if changed:
            self.limits.append(self.width.limit)

    def run(self, seconds: float) -> Service:
        end = self.now + seconds
        while self.now < end:
            self.end_file()
        return self


def test_begins_with_a_few_and_doubles_while_that_brings_more() -> None:
    assert Service(32, lambda width: 6.0 * width).run(20).limits == [8, 16, 32]
    assert Service(8, lambda width: 6.0 * width).run(20).limits == [4, 8]
    assert Service(64, lambda width: 6.0 * width).run(20).limits == [16, 32, 64]


@pytest.mark.parametrize("ceiling", [1, 2, 3, 4])
def test_a_small_ceiling_is_where_it_begins(ceiling: int) -> None:
    assert Service(ceiling, lambda width: 6.0 * width).run(60).limits == [ceiling]


def test_gets_to_the_ceiling_in_the_first_seconds() -> None:
    """At 50 ms for each of three requests a file, as in the benchmark."""
    service = Service(32, lambda width: width / 0.15)
    while service.width.limit < 32:
        service.end_file()
    assert service.now < 1.5


def test_holds_where_more_brings_nothing() -> None:
    """A free service on a busy machine: the processor is the wall, not the number of threads."""
    service = Service(32, lambda width: 100.0).run(3)
    assert service.limits == [8, 16, 8]
    assert service.width.phase is Phase.HOLD


def test_one_bad_moment_does_not_end_the_climb() -> None:
    """A busy neighbour: the round after the first step up brings nothing, the next one shows what is there."""
    service = Service(32, lambda width: 6.0 * width)
    while service.width.limit == 8:
        service.end_file()
    service.pace = lambda width: 20.0
    service.run(1.7)
    service.pace = lambda width: 6.0 * width
    assert service.run(5).limits == [8, 16, 32]


def test_goes_back_when_more_is_worse() -> None:
    assert Service(64, lambda width: 200.0 if width <= 32 else 90.0).run(3).limits[:2] == [16, 32]
    assert Service(16, lambda width: 100.0 - width).run(3).limits == [4, 8, 4]


def test_tries_again_now_and_then_and_less_often_when_that_is_in_vain() -> None:
    service = Service(32, lambda width: 100.0).run(3)
    assert service.limits == [8, 16, 8]
    tries: list[float] = []
    while len(tries) < 3:
        known = len(service.limits)
        service.end_file()
        if len(service.limits) > known and service.width.phase is Phase.TRY:
            tries.append(service.now)
    assert service.limits == [8, 16, 8, 10, 8, 10, 8, 10]
    held, in_vain = PATIENCE * ROUND_SECONDS[Phase.HOLD], ROUNDS_IN_VAIN * ROUND_SECONDS[Phase.TRY]
    assert tries[0] <= 3 + held
    assert tries[1] - tries[0] == pytest.approx(in_vain + 2 * held, abs=1.5)
    assert tries[2] - tries[1] == pytest.approx(in_vain + 4 * held, abs=1.5)


def test_grows_when_the_service_becomes_faster() -> None:
    service = Service(32, lambda width: 100.0).run(5)
    assert service.width.limit == 8
    service.pace = lambda width: 12.0 * width
    assert service.run(120).width.limit == 32


def test_halves_once_however_many_are_refused_together() -> None:
    width = Width(32, 0.0)
    width.look(0.1, Done(files=1))
    for refusals in range(1, 9):
        width.look(0.1, Done(files=1, refusals=refusals))
    assert (width.limit, width.phase) == (4, Phase.RECOVER)


def test_comes_back_one_by_one_to_just_below_where_it_was_refused() -> None:
    service = Service(32, lambda width: 6.0 * width).run(5)
    assert service.width.limit == 32
    service.refuses = lambda width: width >= 32
    service.end_file()
    assert service.width.limit == 16
    service.limits = []
    service.run(10)
    assert service.limits == list(range(17, 32))
    assert service.width.phase is Phase.HOLD


def test_refused_again_halves_again_but_never_below_one() -> None:
    service = Service(8, lambda width: 10.0 * width, refuses=lambda width: True).run(30)
    assert service.width.limit == 1
    assert service.limits == [4, 2, 1]
    service.refuses = lambda width: False
    assert service.run(400).width.limit == 8


def test_large_files_after_small_ones_are_no_change_of_pace() -> None:
    """Where bytes are the wall, more at once is not tried just because files end less often."""
    service = Service(8, lambda width: 100.0).run(3)
    assert service.limits == [4, 8, 4]
    service.size, service.pace = 100 << 20, lambda width: 100.0 / 101  # as much work per second, one file a second
    assert service.run(60).limits[3:5] in ([], [5, 4], [5])


def test_pieces_of_one_long_file_are_looked_at_too() -> None:
    """Eight files of 5 GB: nobody wants to wait for the first of them to end."""
    width = Width(8, 0.0)
    assert not width.look(4.0, Done(size=4 * PIECE))
    assert width.look(8.0, Done(size=8 * PIECE))
    assert width.limit == 8


@settings(max_examples=EXAMPLES, deadline=None, print_blob=True)
@given(
    ceiling=st.integers(1, 64),
    seed=st.integers(0, 2**32),
    events=st.lists(
        st.tuples(st.floats(0, 30), st.integers(0, 40), st.integers(0, 1 << 30), st.integers(0, 3)), max_size=60
    ),
)
def test_never_leaves_its_bounds(ceiling: int, seed: int, events: list[tuple[float, int, int, int]]) -> None:
    """Whatever the totals do, and also when no time passes between them."""
    width, now, done = Width(ceiling, 0.0), 0.0, Done()
    for passed, files, size, refusals in events:
        now += passed
        done = Done(done.files + files, done.size + size, done.refusals + refusals)
        before = width.limit
        width.look(now, done)
        assert 1 <= width.limit <= ceiling
        assert width.limit <= 2 * before
        if width.limit < before:
            assert width.limit >= before // 2


@settings(max_examples=EXAMPLES, deadline=None, print_blob=True)
@given(
    ceiling=st.integers(1, 64), knee=st.integers(1, 80), each=st.floats(1.0, 60.0), seed=st.integers(0, 2**32),
    size=st.sampled_from([0, 10_000, 1 << 20]),
)  # fmt: skip
def test_settles_where_nearly_everything_is_reached(ceiling: int, knee: int, each: float, seed: int, size: int) -> None:
    """A service that grows up to some width and no further, with noise: a step's gain or two are the most it costs."""
    dice = random.Random(seed)

    def pace(width: int) -> float:
        return min(width, knee) * each * dice.uniform(0.9, 1.1)

    service = Service(ceiling, pace, size, looks_per_second=10.0).run(200)
    assert min(service.width.limit, knee) >= min(ceiling, knee) / GAIN / GAIN - 1


@settings(max_examples=EXAMPLES, deadline=None, print_blob=True)
@given(ceiling=st.integers(2, 64), wall=st.integers(1, 64), each=st.floats(2.0, 60.0))
def test_stays_below_a_wall_most_of_the_time(ceiling: int, wall: int, each: float) -> None:
    """A service that refuses from some width on: it is met now and then by a try, and less and less often."""
    service = Service(
        ceiling, lambda width: each * width, looks_per_second=10.0, refuses=lambda width: width > wall
    ).run(120)  # fmt: skip
    before = service.done.refusals
    files = service.done.files
    service.run(120)
    assert service.width.limit <= max(wall, 1) + max(1, wall // 4)
    assert service.done.refusals - before <= 0.15 * (service.done.files - files) + 5
