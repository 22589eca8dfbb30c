"""The task that asks a person when the removal guard has tripped, and passes straight through when it has not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator

from spfc.pipeline import tasks
from spfc.pipeline.settings import UNATTENDED

APPROVE = "Remove them"
REFUSE = "Keep them"


class ApproveRemovals(HITLOperator):  # type: ignore[misc]  # the provider is not typed
    """Waits in the Airflow UI for a person to approve or refuse held removals.

    Refusal and silence leave the lines held: they are still owed, the report shows them, and the next run plans them
    again. The answer and the name of who gave it are the task's result, and stand in the plan.

    :param route: name of the route.
    :param manifest: the change manifest of the run (templated).
    :param consequence: the sentence that says what becomes of removed items.
    :param hours: how long to wait for an answer.
    """

    template_fields: Sequence[str] = (*HITLOperator.template_fields, "manifest")

    def __init__(self, *, route: str, manifest: Any, consequence: str, hours: int, **kwargs: Any) -> None:
        super().__init__(
            subject=f"Route {route}: more is to be removed than the route allows at once",
            options=[APPROVE, REFUSE],
            defaults=[REFUSE],
            response_timeout=timedelta(hours=hours),
            **kwargs,
        )
        self.route = route
        self.manifest = manifest
        self.consequence = consequence

    def execute(self, context: Any) -> Any:
        """Ask, if there is something to ask and somebody to answer."""
        guard = self.manifest["guard"]
        if not guard["tripped"]:
            return {"verdict": "not needed"}
        if (context["dag_run"].conf or {}).get(UNATTENDED):
            return {"verdict": "nobody to ask"}
        self.body = approval_text(self.manifest, self.consequence)
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> dict[str, Any]:
        """Release the held lines if the answer was yes."""
        answer = super().execute_complete(context, event)
        who = (answer["responded_by_user"] or {}).get("name") or "nobody: time ran out"
        if answer["chosen_options"] != [APPROVE]:
            return {"verdict": "refused", "who": who}
        released = tasks.release_task(self.route, context, self.manifest, who)
        return {"verdict": "approved", "who": who, "lines": released}


def approval_text(manifest: Mapping[str, Any], consequence: str) -> str:
    """Return what the person is shown: the guard's sentence, the first removals, and what would become of them."""
    removals = manifest["removals"]
    listed = "\n".join(f"- `{path}`" for path in removals)
    more = manifest["counts"].get("remove", 0) - len(removals)
    rest = f"\n- and {more:,} more, all in the report of a dry run" if more > 0 else ""
    return f"{manifest['guard']['text']}\n\n{listed}{rest}\n\n{consequence}"
