"""The command line: ``spfc run``, ``spfc doctor``, ``spfc explain``, ``spfc routes`` and ``spfc simulate``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from spfc import __version__
from spfc.errors import ConfigurationError, SpfcError

USAGE = 2
SIMULATE = "simulate"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 done, 1 not green, 2 something to correct first."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        given = _parser(words[:1] == [SIMULATE]).parse_args(words)
        return int(given.command(given))
    except SpfcError as error:
        print(f"spfc: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print(
            "spfc: stopped. What was done is recorded; the next run goes on from there. If it finds the route taken, "
            "it is given back within half an hour.",
            file=sys.stderr,
        )
        return 130


def _parser(simulators: bool) -> argparse.ArgumentParser:
    """Return the parser; the simulators' web framework costs half a second, so only who asks for them loads it."""
    parser = argparse.ArgumentParser(
        prog="spfc", description="One-way sync of SharePoint to FileCloud, folders, object storage and SQL tables."
    )
    parser.add_argument("--version", action="version", version=f"spfc {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run a route once, here, without a scheduler")
    run.add_argument("route", help="name of the route in the route file")
    run.add_argument("--mode", default="incremental", choices=("incremental", "full", "audit", "retry_failed"))
    run.add_argument("--dry-run", action="store_true", help="stop after the plan; nothing is changed")
    run.add_argument("--rebuild", action="store_true", help="mode audit: go on although the target shows nothing")
    run.add_argument("--max-documents", type=_positive, metavar="N", help="copy at most N files")
    run.add_argument("--paths", action="append", default=[], metavar="GLOB", help="only items below; may be repeated")
    run.add_argument("--release-plan", metavar="PLAN", help="copy what the overwrite guard held in that plan")
    run.add_argument("--purge", action="store_true", help="lists: first delete the rows that are marked as deleted")
    run.add_argument("--json", action="store_true", help="print the result as JSON, nothing else")
    run.add_argument("--trigger", action="store_true", help="ask a running Airflow instead, and wait")
    run.set_defaults(command=_run)

    explain = commands.add_parser("explain", help="say what happened to a path, what is owed, and what comes next")
    explain.add_argument("route", help="name of the route in the route file")
    explain.add_argument("path", help="path from the root of the route's source, present or gone")
    explain.add_argument("--json", action="store_true", help="print everything as JSON, nothing else")
    explain.set_defaults(command=_explain)

    doctor = commands.add_parser("doctor", help="check a route's installation, and say what to change")
    doctor.add_argument("route", help="name of the route in the route file")
    doctor.add_argument(
        "--write-probe", action="store_true", help="also try uploads, moves and deletes in a folder of its own"
    )
    doctor.add_argument("--json", action="store_true", help="print the result as JSON, nothing else")
    doctor.set_defaults(command=_doctor)

    routes = commands.add_parser("routes", help="check the route file and list its routes")
    routes.set_defaults(command=_routes)

    simulate = commands.add_parser(SIMULATE, help="start a local SharePoint and a local FileCloud")
    if simulators:
        _add_simulate(simulate)
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def _run(given: argparse.Namespace) -> int:
    asked = {
        "mode": given.mode,
        "dry_run": given.dry_run,
        "rebuild": given.rebuild,
        "max_documents": given.max_documents,
        "paths": given.paths,
        "release_plan": given.release_plan,
        "purge": given.purge,
    }
    params = {name: value for name, value in asked.items() if value}  # the two kinds of routes know different ones
    if given.trigger:
        from spfc.cli.trigger import run_there

        return run_there(given.route, params, as_json=given.json)
    from spfc.cli.run import run_here

    return run_here(given.route, params, as_json=given.json)


def _explain(given: argparse.Namespace) -> int:
    from spfc.cli.explain import explain_here

    return explain_here(given.route, given.path, as_json=given.json)


def _doctor(given: argparse.Namespace) -> int:
    from spfc.cli.doctor import doctor_here

    return doctor_here(given.route, write_probe=given.write_probe, as_json=given.json)


def _routes(_given: argparse.Namespace) -> int:
    from spfc.cli.show import show_routes

    return show_routes()


def _add_simulate(parser: argparse.ArgumentParser) -> None:
    try:
        from simulators import launch
    except ImportError:
        raise ConfigurationError(
            "The simulators need packages that spfc itself does without.",
            hint="'make setup' installs them, or: pip install --require-hashes -r requirements-dev.txt",
        ) from None
    launch.add_arguments(parser)
    parser.set_defaults(command=launch.run)
