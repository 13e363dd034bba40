"""An emulator of Azure's Batch AI for laptops and tests: its REST API, on local processes."""
