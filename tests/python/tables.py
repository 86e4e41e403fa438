"""Reads exported tables with DuckDB and DataFusion, and prints what each sees as JSON."""

import json
import sys

import datafusion
import duckdb

requests, attempts = sys.argv[1:]
QUERY = """
select count(*) as requests, sum(input) as input, cast(sum(cost_usd) as varchar) as cost,
       count(distinct target) as targets, sum(case when streaming then 1 else 0 end) as streams,
       cast(min(arrived_at) as varchar) as first
from requests
"""
JOINED = """
select count(*) as attempts from requests join attempts on requests.id = attempts.id
where attempts.class <> 'ok' and requests.class = 'ok'
"""


def with_duckdb():
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    for name, path in (("requests", requests), ("attempts", attempts)):
        connection.execute(f"create view {name} as select * from read_parquet('{path}')")

    def row(query):
        found = connection.execute(query)
        return dict(zip([column[0] for column in found.description], found.fetchone()))

    return row(QUERY) | row(JOINED)


def with_datafusion():
    context = datafusion.SessionContext()
    context.register_parquet("requests", requests)
    context.register_parquet("attempts", attempts)

    def row(query):
        return {name: cells[0] for name, cells in context.sql(query).to_pydict().items()}

    return row(QUERY) | row(JOINED)


seen = {"duckdb": with_duckdb(), "datafusion": with_datafusion()}
seen["packages"] = [duckdb.__version__, datafusion.__version__]
print(json.dumps(seen, default=str))
