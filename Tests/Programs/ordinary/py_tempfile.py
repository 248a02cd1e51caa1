"""Makes temporary files and directories, named and not."""
import pathlib
import tempfile

with tempfile.TemporaryDirectory() as directory:
    pathlib.Path(directory, "file").write_text("text")
    with tempfile.TemporaryFile() as file, tempfile.NamedTemporaryFile("w") as named:
        file.write(b"bytes")
        named.write("more")
        print(directory.startswith("/tmp"), named.name.startswith("/tmp"))
