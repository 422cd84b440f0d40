"""`optiq serve` on a home: its snapshots, its landing, its keys; the endpoint itself is `optiq/endpoint/`."""
