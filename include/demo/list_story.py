"""The story of the list demo: read everything, read nothing, follow changes and a new column, bring rows back."""

from __future__ import annotations

import json
from pathlib import Path

from demo.list_compare import compare_list
from demo.sample_lists import CONTRACTS, build, people_edit
from demo.stage import Stage
from demo.watch import RunResult, Watcher
from simulators.launch import SHAREPOINT_CONNECTION, LaunchOptions, SimulatorPair

SCENE = "lists"
TABLE = "contracts"
WAREHOUSE = "warehouse"


class ListStory(Stage):
    """One demo of a route that keeps a list in a table."""

    title = "spfc: SharePoint list -> SQL table"
    below = "A real Airflow, a local simulator, and a comparison value by value after every run."

    @property
    def _lists(self) -> Path:
        return self.place.home / "lists"

    @property
    def _database(self) -> Path:
        return self.place.home / "warehouse.db"

    @property
    def _snapshots(self) -> Path:
        return self.place.home / "snapshots"

    def check(self) -> None:
        """Nothing can be wrong: the data is the demo's own."""

    def make_data(self) -> str:
        """Write the sample lists unless they are there."""
        if not (self._lists / f"{CONTRACTS}.json").exists():
            with self.screen.busy("Writing a list of contracts"):
                made = build(self._lists)
            return f"{made.rows:,} rows, {made.columns} columns"
        return "as an earlier demo left it"

    def options(self) -> LaunchOptions:
        """Publish the lists, beside a library that is empty."""
        place = self.place
        return LaunchOptions(
            place.published, place.store, state=place.simulators, journal=place.journal, lists=self._lists
        )

    def route_file(self, pair: SimulatorPair) -> str:
        """Return a route from the list of contracts to a table, with a snapshot beside it."""
        return pair.route_file(
            {
                "description": self.title,
                "source": {
                    "type": "sharepoint_list",
                    "connection": SHAREPOINT_CONNECTION,
                    "hostname": pair.sharepoint.site_hostname,
                    "site": pair.sharepoint.site_path,
                    "list": CONTRACTS,
                },
                "target": {"connection": WAREHOUSE, "table": TABLE},
                "snapshot": {"target": {"type": "object_storage", "url": str(self._snapshots)}, "format": "parquet"},
                "schedule": None,
            }
        )

    def environment(self, _pair: SimulatorPair) -> dict[str, str]:
        """Return the connection of the database that the table is in."""
        connection = {"conn_type": "sqlite", "host": str(self._database)}
        return {f"AIRFLOW_CONN_{WAREHOUSE.upper()}": json.dumps(connection)}

    def facts(self, pair: SimulatorPair, described: str) -> list[tuple[str, str]]:
        """Return where list, table and snapshot are."""
        return [
            ("List", f"{self._lists / f'{CONTRACTS}.json'}  ({described})"),
            ("SharePoint", f"{pair.sharepoint.url}  (simulator)"),
            ("Table", f"{TABLE} in {self._database}"),
            ("Snapshot", str(self._snapshots / "demo.parquet")),
        ]

    def playground(self) -> tuple[str, str]:
        """Return the file of the list."""
        return "List to play with", str(self._lists / f"{CONTRACTS}.json")

    def play(self, watcher: Watcher, pair: SimulatorPair) -> None:
        """Read everything, then nothing, then what people do."""
        self.step("First run: read the whole list")
        first = self.run(watcher)
        self._compare()
        if not first.succeeded:
            return
        self.step("Run it again: nothing has changed")
        self._judge_free(self.run(watcher))
        rounds = (
            ("People add, edit and delete rows; the next run follows", False),
            ("Two deleted rows are restored, and a column is added", True),
        )
        for heading, new_column in rounds:
            self.step(heading)
            changes = people_edit(self._lists, new_column=new_column)
            self.screen.deeds("done to the list", [(c.deed.value, _where(c.row, c.what)) for c in changes])
            self.run(watcher)
            self._compare()

    def _judge_free(self, result: RunResult) -> None:
        graph = result.costs.of("graph")
        good = result.succeeded and graph == 1
        self.judge(good)
        self.screen.verdict(f"A run without changes: {graph} Graph request (promised: 1).", good)

    def _compare(self) -> None:
        with self.screen.busy("Comparing the list with its table"):
            found = compare_list(self._lists, self._database, TABLE, self._snapshots / "demo.parquet")
        self.judge(found.equal)
        self.screen.verdict(found.verdict, found.equal, found.differences)


def _where(row: int | None, what: str) -> str:
    return what if row is None else f"{row}: {what}"
