"""An AWS account emulated on this machine, and this stack deployed in it."""
