"""One Airflow DAG per route of the route file. (Airflow reads only files that mention both of these words.)"""

from __future__ import annotations

from spfc.pipeline.factory import build_dag
from spfc.pipeline.settings import routes_file
from spfc.routes import load_routes

for _route in load_routes(routes_file()).values():
    globals()[f"dag_{_route.name}"] = build_dag(_route)
