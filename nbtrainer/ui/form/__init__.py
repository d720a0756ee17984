"""The form: panels and fields made from the rows that describe the settings."""
