"""How well the methods of selection find the best combination, and at what price."""
