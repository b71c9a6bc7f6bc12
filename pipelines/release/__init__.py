"""Releases: drafted from an edition, approved by a person, sealed, and pointed at. Written once."""
