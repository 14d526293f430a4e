"""How to speak to each system: a shared REST runtime, and one folder a system with its connector file, odd code and simulator."""
