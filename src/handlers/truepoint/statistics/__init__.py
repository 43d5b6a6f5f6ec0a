"""Statistics that are gathered line by line and merge exactly."""
