"""Takes the steps in order: skips what cannot work any more, turns every mishap into a line, cleans up always."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from spfc.doctor.shape import Check, Finding, Step, Verdict
from spfc.errors import SpfcError
from spfc.reporting.explanations import CODES
from spfc.reporting.redaction import redact

_LONGEST = 600
"""Characters of a sentence that are kept: some texts are a server's own."""


class Examination:
    """One pass over the steps. ``secrets`` returns texts that must never be shown; it is asked for each line.

    ``on_check`` hears of each line as soon as it is known. ``clock`` counts seconds.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        *,
        on_check: Callable[[Check], None] = lambda _: None,
        secrets: Callable[[], Sequence[str]] = tuple,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.checks: list[Check] = []
        self._steps = steps
        self._on_check = on_check
        self._secrets = secrets
        self._clock = clock
        self._culprits: dict[str, str] = {}
        """Step that failed, or was skipped for a failure, and the step that is to blame."""

    def run(self) -> list[Check]:
        """Take all steps. After Ctrl-C only those that clean up are taken, then KeyboardInterrupt goes on."""
        waiting = list(self._steps)
        try:
            while waiting:
                self._take(waiting.pop(0))
        except KeyboardInterrupt:
            for step in waiting:
                if step.last:
                    self._take(step)
            raise
        return self.checks

    def _take(self, step: Step) -> None:
        begun = self._clock()
        finding = self._skipped(step) or _made(step)
        if finding.verdict is Verdict.FAIL:
            self._culprits[step.name] = step.name
        check = Check(
            step.name,
            finding.verdict,
            self._clean(finding.found),
            self._clean(finding.next_step),
            round(self._clock() - begun, 3),
        )
        self.checks.append(check)
        self._on_check(check)

    def _skipped(self, step: Step) -> Finding | None:
        culprit = next((self._culprits[name] for name in step.needs if name in self._culprits), None)
        if culprit is None:
            return None
        self._culprits[step.name] = culprit
        return Finding(Verdict.SKIPPED, f"because {culprit} failed")

    def _clean(self, text: str) -> str:
        text = " ".join(text.split())
        for secret in sorted(filter(None, self._secrets()), key=len, reverse=True):
            text = text.replace(secret, "***")
        return redact(text)[:_LONGEST]


def _made(step: Step) -> Finding:
    try:
        return step.run()
    except SpfcError as error:
        about = f" [{error.item}]" if error.item else ""
        return Finding(Verdict.FAIL, f"{error.message}{about}", error.hint or _step_for(error))
    except Exception as error:  # noqa: BLE001 - whatever goes wrong is a line of the result
        # Only its kind: the text of an error that nobody foresaw may repeat what it was given.
        return Finding(
            Verdict.FAIL,
            f"The check itself broke with {type(error).__name__}.",
            "Try again; if it stays, report it together with the version of spfc and this line.",
        )


def _step_for(error: SpfcError) -> str:
    known = CODES.get(error.code)
    return known.step if known is not None and known.step else "Try again; if it stays, ask whoever runs the service."
