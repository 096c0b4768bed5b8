"""Versions of the tables, one file each in `versions/`, run by `keeper.persistence.schema`."""
