"""The pure core: no AWS, no environment, no clock. One noun a module; imports the standard library and msgspec only."""
