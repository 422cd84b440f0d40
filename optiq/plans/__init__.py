"""The algebra of plans (Opti-Q, sections 3.2 and 4.1): topologies, plans, their numbering, and how people read them."""
