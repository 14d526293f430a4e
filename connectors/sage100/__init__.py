"""The Sage 100 ERP: its connector file, contract, schemas and simulator."""
