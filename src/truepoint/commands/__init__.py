"""The command `truepoint`: one module a subcommand, none of which needs AWS."""
