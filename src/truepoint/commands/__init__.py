"""The command `truepoint`: one module per subcommand. None of them needs AWS."""
