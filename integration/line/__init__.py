"""The four stages of the line as plain functions over the ledger; `tasks/` only rings them."""
