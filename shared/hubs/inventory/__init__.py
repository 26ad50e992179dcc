"""What is inside a hub: its people, nodes, volumes and releases, and how many more users fit. Reads only."""
