"""The agent's own tools. `builtin.builtin_tools` makes them."""
