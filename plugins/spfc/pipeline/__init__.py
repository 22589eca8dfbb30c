"""Airflow's side: a DAG per route and its tasks, each of which calls one step."""
