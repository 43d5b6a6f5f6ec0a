"""The portal on AWS: identity, sessions, requests and routes."""
