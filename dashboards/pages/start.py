"""What Streamlit runs at every visit and rerun: the pages and their paths. Each page draws itself inside `frame`."""

import streamlit as st

from dashboards.pages.frame import SCRIPTS, STYLE, TITLE, URL_PATHS

st.set_page_config(page_title=TITLE, layout="wide")
st.html(STYLE)
st.navigation(
    [st.Page(script, default=page not in URL_PATHS, url_path=URL_PATHS.get(page)) for page, script in SCRIPTS.items()],
    position="hidden",
).run()
