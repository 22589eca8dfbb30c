"""How one client fared, and whether that is well."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.conformance.catalogue import Client
from tests.conformance.judge import Finding
from tests.conformance.traffic import Traffic

GREEN, RED, ABSENT = "green", "red", "not available here"


@dataclass(frozen=True, slots=True)
class Result:
    """What a client did and what was found; ``why`` says what went wrong with the run as a whole, if anything."""

    client: Client
    version: str
    findings: tuple[Finding, ...] = ()
    traffic: Traffic = field(default_factory=Traffic)
    seconds: float = 0.0
    why: str = ""
    absent: bool = False

    @property
    def verdict(self) -> str:
        """Green only when everything that was tried is as expected, and something was."""
        if self.absent:
            return ABSENT
        return RED if self.troubles or not self.findings else GREEN

    @property
    def troubles(self) -> list[str]:
        """What keeps the verdict from being green, one sentence each."""
        known = self.client.differences
        wrong = [f"{f.check}: {f.note}" for f in self.findings if not f.good and f.check not in known]
        healed = {f.check for f in self.findings if f.check in known} - {f.check for f in self.findings if not f.good}
        wrong += [f"{check}: goes well now; its known difference has to go" for check in sorted(healed)]
        wrong += [f"{name}: {n} requests that the simulator does not know" for name, n in self.traffic.unknown.items()]
        return [*wrong, *([self.why] if self.why else [])]
