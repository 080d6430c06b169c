"""What goes wrong with a skeleton, and other bodies to learn from: seeded and XLA-compilable."""
