"""Money: prices, holds, the ledger, limits and budgets, and the proof that they agree."""
