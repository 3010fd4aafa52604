"""Measuring askpapers: speed, retrieval. Every figure in the documentation is printed here."""
