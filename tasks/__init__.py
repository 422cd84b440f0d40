"""Prefect tasks: one step each, thin; they tie optiq and warehouse together, and flows put them in order."""
