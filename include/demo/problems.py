"""What can stop the demo, told in one sentence, with the exit status that goes with it."""

from __future__ import annotations


class DemoProblem(Exception):
    """Something that ends the demo; the text is one complete sentence for the person at the terminal."""

    exit_status = 1


class UsageProblem(DemoProblem):
    """The person asked for something that cannot be: a folder that is missing, a port that is taken."""

    exit_status = 2
