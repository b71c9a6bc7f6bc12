"""The city page as a plain Streamlit script: it opens the lake's cases with DuckDB and counts them on every rerun.

Written as its users would write it: the same headline numbers, the same lines, the same table of districts.
"""

import os

import duckdb
import plotly.graph_objects as go
import streamlit as st

LAKE = os.environ["BENCH_LAKE"]
CITY = os.environ.get("BENCH_CITY", "4205")
MONTH = "2025-11"
CASES = f"read_parquet('{LAKE}/mediation_cases/**/*.parquet', union_by_name = true)"
OF_CITY = f"from {CASES} where area_code like '{CITY}%'"

st.set_page_config(layout="wide")
st.title("City overview")
month = st.selectbox("Month", [MONTH])
connection = duckdb.connect()
accepted, concluded, agreed, days = connection.sql(f"""
    select
        count(*) filter (strftime(accepted_on, '%Y-%m') = '{month}'),
        count(*) filter (strftime(concluded_on, '%Y-%m') = '{month}'),
        count(*) filter (strftime(concluded_on, '%Y-%m') = '{month}' and outcome = 'agreed'),
        median(concluded_on - accepted_on) filter (strftime(concluded_on, '%Y-%m') = '{month}')
    {OF_CITY}
""").fetchall()[0]
for column, (name, value) in zip(
    st.columns(4),
    {"Accepted": accepted, "Concluded": concluded, "Agreed": agreed, "Median days": days}.items(),
    strict=True,
):
    column.metric(name, value)
for kind in ("accepted_on", "concluded_on"):
    rows = connection.sql(f"select strftime({kind}, '%Y-%m') as m, count(*) {OF_CITY} group by m order by m").fetchall()
    st.plotly_chart(go.Figure(go.Scatter(x=[row[0] for row in rows], y=[row[1] for row in rows])), key=kind)
for name in ("substring(area_code, 1, 6)", "dispute_type", "channel"):
    st.dataframe(
        connection.sql(f"select {name} as part, count(*) as cases {OF_CITY} group by part order by cases desc").pl()
    )
