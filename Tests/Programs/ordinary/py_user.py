"""Asks for the user's name and home, as programs do whose user need not be in the image's /etc/passwd."""
import getpass
import os.path
import pathlib

print(getpass.getuser() in ("sandbox", "root"), pathlib.Path.home().is_dir(), os.path.expanduser("~/x").endswith("/x"))
