"""PostgreSQL that comes with the installation and runs in the data directory."""
