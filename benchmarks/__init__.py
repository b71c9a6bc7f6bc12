"""Measurements and checks that are too heavy, or ask for too much, to run with the tests."""
