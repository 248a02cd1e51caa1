"""Runs children in the ways of the subprocess module."""
import subprocess
import sys

print(subprocess.run(["/bin/echo", "child"], capture_output=True, text=True, check=True).stdout.strip())
print(subprocess.run("exit 3", shell=True).returncode)
print(subprocess.run([sys.executable, "-c", "import os; os.abort()"]).returncode)
