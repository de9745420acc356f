"""The command line's parts: what every command needs, and commands with files of their own."""
