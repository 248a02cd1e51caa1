"""Writes and reads a database in the working directory, with locks and a journal."""
import sqlite3

with sqlite3.connect("data.db") as base:
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("CREATE TABLE numbers (value INTEGER)")
    base.executemany("INSERT INTO numbers VALUES (?)", [(i,) for i in range(10)])
    print(base.execute("SELECT sum(value) FROM numbers").fetchone()[0])
