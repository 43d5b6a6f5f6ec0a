"""An emulated AWS account on this machine, with this stack deployed in it."""
