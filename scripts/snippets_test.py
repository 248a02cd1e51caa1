#!/usr/bin/env python3
"""Tests of snippets.py: each kind of broken block is found, at its line, and good ones are not.

Usage: snippets_test.py      after `swift build`
"""
import os
import subprocess
import unittest

import snippets


def products():
    return os.path.realpath(
        subprocess.check_output(["swift", "build", "--show-bin-path"], cwd=snippets.ROOT, text=True).strip())


class SnippetTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.products = products()

    def faults(self, *lines, engine=False):
        checker = snippets.Checker(self.products, engine)
        self.addCleanup(checker.work.cleanup)
        checker.page("page.md", "\n".join(lines) + "\n")
        return checker.faults

    def check(self, line, text, *lines):
        """One fault, at this line, with this text in it."""
        faults = self.faults(*lines)
        self.assertEqual(len(faults), 1, faults)
        self.assertTrue(faults[0].startswith(f"page.md:{line}: "), faults)
        self.assertIn(text, faults[0])

    def check_good(self, *lines):
        self.assertEqual(self.faults(*lines), [])

    def test_blocks_without_label_or_end(self):
        self.check(2, "no label", "```", "drawing", "```")
        self.check(2, "never ends", "```text", "drawing")
        self.check(2, "nobody checks", "```cobol", "STOP RUN.", "```")
        self.check_good("```text", "drawing", "```")

    def test_swift_that_does_not_compile(self):
        self.check(4, "cannot find 'nothing'", "# Title", "", "```swift", "print(nothing)", "```")
        self.check(3, "has no member 'strongest'", "```swift", "import SandboxAPI",
                   "let level = IsolationLevel.strongest", "func f() {}", "```")
        self.check(2, "cannot find 'word'", "```swift", "print(word)", "```", "<!-- snippet: continues -->", "```swift",
                   'print("more")', "```")
        self.check_good("```swift", "import Sandbox", "let backend = LocalBackend()", "```", "<!-- snippet: continues -->",
                        "```swift", "await backend.shutdown()", "```")

    def test_context_is_part_of_the_block_below_it_alone(self):
        context = ["<!-- snippet", "let word = 1", "-->"]
        self.check_good(*context, "```swift", "print(word)", "```")
        self.check(6, "cannot find 'word'", *context, "Text.", "```swift", "print(word)", "```")

    def test_swift_that_is_run(self):
        block = ["<!-- snippet: run -->", "```swift", 'print("a", "b")', "```"]
        self.check_good(*block, "<!-- snippet: its output -->", "```text", "a …", "```")
        self.check(7, "prints:\na b", *block, "<!-- snippet: its output -->", "```text", "a c", "```")
        self.check(3, "ended with", "<!-- snippet: run -->", "```swift", 'fatalError("no")', "```")

    def test_manifests(self):
        manifest = ["```swift", "// swift-tools-version: 6.2", "import PackageDescription", 'let package = Package(name: "p"%s)', "```"]
        self.check_good(*[line % "" if "%s" in line else line for line in manifest])
        self.check(2, "no exact matches in call to initializer", *[line % ', target: []' if "%s" in line else line for line in manifest])

    def test_files(self):
        path = "Examples/demo/divide.py"
        with open(os.path.join(snippets.ROOT, path)) as file:
            lines = file.read().rstrip("\n").split("\n")
        self.check_good(f"<!-- snippet: {path} -->", "```python", *lines, "```")
        self.check(3, "differs", f"<!-- snippet: {path} -->", "```python", "1 / 0 / 0", "```")
        self.check(3, "no file", "<!-- snippet: rnu -->", "```swift", "print(1)", "```")

    def test_c_and_json(self):
        self.check(2, "no JSON", "```json", '{"a": }', "```")
        self.check_good("```json", '{"a": 1}', "```")
        self.check_good("<!-- snippet", '#include "isolate.h"', "-->", "```c", "isolate_limits limits = {.processes = 4};", "```")
        self.check(5, "processors", "<!-- snippet", '#include "isolate.h"', "-->", "```c", "isolate_limits limits = {.processors = 4};", "```")

    def test_names_in_commands(self):
        self.check(3, "no option --wall-tim", "```sh", "cd x", "sandbox run --wall-tim 1 a.cpp", "```")
        self.check(2, "no option --nothing", "```sh", "ls | sudo A=1 sandbox doctor --nothing", "```")
        self.check(2, "no subcommand runn", "```sh", "sandbox runn a.cpp", "```")
        self.check(2, "no target demmo", "```sh", "make demmo && ls", "```")
        self.check(2, "no Examples/demo/none.py", "```sh", "sandbox run Examples/demo/none.py", "```")
        self.check(2, "no scripts/none.sh", "```sh", "scripts/none.sh start", "```")
        self.check_good("```sh", "make demo images  # both", "sandbox run --wall-time 1 \\", "    --json a.cpp -- --own", "```")

    def test_commands_that_are_run(self):
        self.check_good("```console", "$ sandbox exec -- sh -c 'echo a; echo b; exit 3'", "…", "[exit status 3]", "$ echo x", "x", "```")
        self.check(2, "ended with 3", "```console", "$ sandbox exec -- sh -c 'exit 3'", "```")
        self.check(4, "prints:\ny", "```console", "$ true", "", "$ echo y", "x", "```")
        self.check_good("<!-- snippet: not run -->", "```console", "$ false", "```")
        self.check(3, "ended with 1", "<!-- snippet: run -->", "```sh", "false", "true", "```")
        engine = ["<!-- snippet: engine -->", "```sh", "false", "```"]
        self.check_good(*engine)
        self.assertEqual(len(self.faults(*engine, engine=True)), 1)

    def test_links(self):
        self.check(2, "no docs/none.md", "# A title", "[this](docs/none.md), [that](README.md)")
        self.check(2, "no heading for #no-title", "# A title", "[this](#no-title)", "[that](#a-title)")
        self.check(1, "no heading for #none", "[this](README.md#none), [that](README.md#use-it)")
        self.check_good("[elsewhere](https://example.org/none.md)", "```text", "[no](link)", "```", "`[no](link)`")

    def test_every_page_is_read(self):
        pages = snippets.pages()
        for page in ["README.md", "docs/docker.md", "Sources/Sandbox/Sandbox.docc/GettingStarted.md"]:
            self.assertIn(page, pages)


if __name__ == "__main__":
    unittest.main(verbosity=0)
