"""Says, before the first run, whether an installation can work, and what to change where it cannot.

It stands on floor 5, beside the steps: it asks both services through the clients of floor 2, compares what they say
with what the targets of floor 3 rely on, and explains failures in the words of the reports (floor 4). Like the steps it
knows nothing of Airflow: the command line (floor 6) hands the settings in.
"""
