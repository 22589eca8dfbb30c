"""One Airflow DAG per route of the route file. (Airflow reads only files that mention both of these words.)"""

from __future__ import annotations

from spfc.pipeline.dags import build_dags
from spfc.pipeline.settings import routes_file
from spfc.route_file import read_routes

globals().update({f"dag_{dag.dag_id}": dag for dag in build_dags(read_routes(routes_file()))})
