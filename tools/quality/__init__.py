"""What routing saves on recorded markets: `./dev test-deep routes`."""
