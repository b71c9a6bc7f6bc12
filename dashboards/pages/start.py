"""What Streamlit runs at every visit and rerun: the pages and their paths. Each page draws itself inside `frame`."""

import streamlit as st

from dashboards.pages.frame import SCRIPTS, STYLE, TITLE

st.set_page_config(page_title=TITLE, layout="wide")
st.html(STYLE)
st.navigation(
    [
        st.Page(SCRIPTS["city_overview"], default=True),
        st.Page(SCRIPTS["district_profile"], url_path="district"),
    ],
    position="hidden",
).run()
