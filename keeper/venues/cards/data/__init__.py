"""One JSON file per venue; see `keeper.venues.cards`."""
