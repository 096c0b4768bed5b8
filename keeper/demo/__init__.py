"""The whole trip on one machine: a chain, two venues, attestors, keeper and clients, each a process of its own."""
