"""The ledger: every record, batch and delivery in one database, which is the truth; Redis only rings."""
