"""The subcommands of `tfpose`: each module has `define_flags(values)` and `run(values, positional) -> exit status`."""
