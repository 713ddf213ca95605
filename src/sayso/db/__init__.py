"""The database: one writer, short readers, portable types, migrations."""
