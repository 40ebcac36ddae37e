"""Where the book is kept: formats, group commit, seals, exports, PostgreSQL. What an entry is: casebook/log.py."""
