"""The command `truepoint`, with one module per subcommand. No subcommand needs AWS."""
