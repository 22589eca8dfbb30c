"""The conformance runs: ``python -m tests.conformance [name ...]`` drives the clients, prints, writes the document."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.conformance.catalogue import CLIENTS
from tests.conformance.perform import perform
from tests.conformance.result import ABSENT, GREEN, Result
from tests.conformance.table import put, text_table

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "conformance.md"


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("names", nargs="*", help="only clients whose names begin so (without: all, and the document)")
    parser.add_argument("--workspace", type=Path, default=ROOT / ".conformance", help="environments and what was read")
    parser.add_argument("--write", type=Path, default=None, help=f"document to write (default: {DOCUMENT.name})")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the clients one after another; return 0 when all that are available here are green, 1 otherwise."""
    asked = arguments(argv)
    workspace = asked.workspace.resolve()
    workspace.mkdir(parents=True, exist_ok=True)
    results: list[Result] = []
    for client in CLIENTS:
        if asked.names and not client.name.lower().startswith(tuple(n.lower() for n in asked.names)):
            continue
        result = perform(client, workspace)
        print(f"{client.name}: {result.verdict}, {result.seconds:.1f} s", *result.troubles, sep="\n  ", flush=True)
        results.append(result)
    print("\n" + text_table(results))
    document = asked.write or (None if asked.names else DOCUMENT)
    if document is not None:
        put(document, results)
    verdicts = {result.verdict for result in results}
    return 0 if GREEN in verdicts <= {GREEN, ABSENT} else 1


if __name__ == "__main__":
    sys.exit(main())
