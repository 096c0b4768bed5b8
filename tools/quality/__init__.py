"""What routing and the choice by funding save on recorded markets: `./dev test-deep routes` and `... carry`."""
