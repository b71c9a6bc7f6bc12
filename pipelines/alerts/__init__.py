"""Alerts: what somebody on duty must know, found in the data folder, told once, and never with a figure or a person in it."""
