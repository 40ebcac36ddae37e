"""The words of the command line, one module each. They ask a room or a composition root and print; they decide not."""
