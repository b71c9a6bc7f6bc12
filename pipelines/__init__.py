"""Fengqiao: exports of grassroots justice systems in, releases of figures out."""
