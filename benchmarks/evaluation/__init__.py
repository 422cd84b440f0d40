"""Does planning pay? Policies and estimates on recorded executions, beside published figures."""
