"""The demo: a sample library, a real Airflow, three synchronisations and a verdict after each."""
