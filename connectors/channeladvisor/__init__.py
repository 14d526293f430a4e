"""The ChannelAdvisor marketplace hub: its connector file, contract, schemas and simulator."""
