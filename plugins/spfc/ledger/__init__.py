"""Our database: what the source last said, what we last put at the target, what is still owed, and why."""
