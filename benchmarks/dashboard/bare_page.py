"""The script of the bare page."""

import streamlit as st

st.html("<h1>Bare</h1>")
