"""The dashboard of a run: curves, previews, reports."""
