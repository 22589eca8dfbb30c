"""The control endpoint of a simulator (`/_sim/...`), for tests and demo only."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from aiohttp import web

from simulators.common.faults import FaultPlan, FaultPlanError
from simulators.common.journal import Journal

PREFIX = "/_sim/"


class ControlEndpoint:
    """Answers metrics, journal and fault plan requests; these are never journalled.

    GET metrics: a JSON object. GET journal?since=n: entries after n. GET faults: unhit rule ids.
    POST faults: a JSON list of rules replaces the plan; 400 with the reason when it is refused.
    """

    def __init__(
        self,
        journal: Journal,
        metrics: Callable[[], Mapping[str, Any]],
        plan: Callable[[], FaultPlan],
        replace_plan: Callable[[list[Any]], None],
    ) -> None:
        self._journal = journal
        self._metrics = metrics
        self._plan = plan
        self._replace = replace_plan

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one control request; 404 for anything unknown."""
        what = request.path[len(PREFIX) :]
        if request.method == "POST" and what == "faults":
            return await self._post_faults(request)
        if request.method != "GET":
            return web.json_response({"error": "method not allowed"}, status=405)
        if what == "metrics":
            return web.json_response(dict(self._metrics()))
        if what == "journal":
            since = int(request.query.get("since", "0"))
            return web.json_response([asdict(e) for e in self._journal.since(since)])
        if what == "faults":
            return web.json_response({"unhit": self._plan().unhit()})
        return web.json_response({"error": "not found"}, status=404)

    async def _post_faults(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            rules = json.loads(await request.text())
            if not isinstance(rules, list):
                raise FaultPlanError("a JSON list of rules is expected")
            self._replace(rules)
        except (FaultPlanError, json.JSONDecodeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"rules": len(rules)})
