"""The local part of `make demo`: users, ticks and a proxy for the portal in the emulator, and scripted workers."""
