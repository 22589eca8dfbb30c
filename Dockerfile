# syntax=docker/dockerfile:1
# The image of spfc: Airflow as published, what it lacks (pinned, with hashes), and this project.

FROM apache/airflow:3.3.2-python3.11 AS spfc

# --no-deps: the file is a complete lock, and nothing outside it may slip in. pip check then proves that what the
# image brought and what the lock says fit together.
COPY --chown=airflow:0 requirements.txt /tmp/spfc/requirements.txt
RUN pip install --no-cache-dir --no-deps --require-hashes --requirement /tmp/spfc/requirements.txt \
    && pip check

# Editable, so that Airflow's plugins folder and the installed package are the same files.
COPY --chown=airflow:0 pyproject.toml README.md requirements.in /opt/airflow/
COPY --chown=airflow:0 plugins /opt/airflow/plugins
COPY --chown=airflow:0 include /opt/airflow/include
COPY --chown=airflow:0 dags /opt/airflow/dags
RUN pip install --no-cache-dir --no-deps --editable /opt/airflow \
    && mkdir -p /opt/airflow/spfc/reports /opt/airflow/auth /opt/airflow/simulated

ENV SPFC_REPORTS=/opt/airflow/spfc/reports \
    SPFC_ROUTES=/opt/airflow/include/routes.yaml


# Both simulators, for trying spfc without a tenant and without a FileCloud server. Never part of the image above.
FROM spfc AS simulators

COPY --chown=airflow:0 requirements-dev.txt /tmp/spfc/requirements-dev.txt
RUN pip install --no-cache-dir --no-deps --require-hashes --requirement /tmp/spfc/requirements-dev.txt
