"""Airflow's web pages of spfc: read only, over the report files. Importing it is cheap; pages load when
asked for.
"""
