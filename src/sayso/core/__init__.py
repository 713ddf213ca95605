"""The values that flow between the tiers: frozen, small, and free of wire formats."""
