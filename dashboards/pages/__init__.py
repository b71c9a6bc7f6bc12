"""The pages. `start.py` is what Streamlit runs for every visit; it puts the frame around one of the pages."""
