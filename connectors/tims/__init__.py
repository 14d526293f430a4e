"""The TIMS ERP: its connector file, contract, schemas and simulator."""
