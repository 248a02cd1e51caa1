#!/usr/bin/env python3
"""Checks the code blocks and links of README.md, its neighbours, docs/ and the pages of DocC, with what `swift build` has built.

Usage: snippets.py [--engine] [PAGE...]      prints each fault with its page and line, and exits with 1 when there is one

| label of a block | what is done with it |
| swift   | compiled: declarations as a file, anything else as a function's body; all blocks of a page are one module |
| c       | compiled with isolate.h: definitions as a file |
| json    | parsed |
| console | each line `$ COMMAND` is run in the repository, and prints the lines behind it; `…` stands for anything, a line
|         | `[exit status N]` for the status. `make` and `swift` are not run |
| sh      | the options of `sandbox`, the targets of `make` and the paths of files are looked up; run where that is said |
| text    | nothing: output, a drawing |

A comment above a block says more:   <!-- snippet: WORD, WORD
                                     CONTEXT -->
| run        | swift and sh: run, with the local backend |
| engine     | swift, sh and console: run only with --engine; DOCKER_HOST has an engine, and images/ the runners' images |
| not run    | console: treated as sh |
| its output | text: what the last block of the page that is run prints |
| continues  | swift: the body goes on from the page's last one |
| PATH       | the block is this file, which other tests compile |
The context, Swift or C, stands before the block and is not shown.

Links to files of the repository, and to headings in them, are looked up, too.
"""
import glob
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
FENCE = re.compile(r"^( *)(`{3,}|~{3,})\s*([^\s`]*)\s*$")
NOTE = re.compile(r"<!--\s*snippet\b:?[ \t]*([^\n]*?)[ \t]*(?:\n(.*?))?\s*-->\s*\Z", re.S)
WORDS = {"run", "engine", "not run", "its output", "continues"}
DECLARATION = re.compile(
    r"(import|public|package|internal|private|fileprivate|final|struct|class|enum|extension|func|actor|protocol|typealias|"
    r"@\w+|//.*|#if|#else|#endif|[)}\]]).*")
LIBRARIES = ["seccomp", "cap", "z", "zstd", "nettle"]


def content(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Block:
    """A fenced block: its label, its lines, and what the comment above it says."""

    def __init__(self, page, line, label, note):
        self.page, self.line, self.label, self.code = page, line, label, ""
        words, self.context = note or ("", "")
        self.words = [word.strip() for word in words.split(",") if word.strip()]
        self.path = next((word for word in self.words if word not in WORDS), None)

    def has(self, word):
        return word in self.words


def blocks(page, text, report):
    """The blocks of a page. A block that never ends, or has no label, is reported."""
    found, block, fence, above = [], None, None, ""
    for number, line in enumerate(text.split("\n"), 1):
        match = FENCE.match(line)
        if block is not None:
            if match and match[2].startswith(fence[2]) and not match[3]:
                found.append(block)
                block, above = None, ""
            else:
                block.code += line.removeprefix(fence[1]) + "\n"
        elif match:
            note = NOTE.search(above)
            fence, block = match, Block(page, number + 1, match[3], (note[1], note[2] or "") if note else None)
        else:
            above += line + "\n"
    if block is not None:
        report(page, block.line, "the block never ends")
    return found


def prose(text):
    """A page's lines without those in blocks of code, and without code in lines."""
    kept, fence = [], None
    for line in text.split("\n"):
        match = FENCE.match(line)
        if fence is None and match:
            fence = match[2]
        elif fence is not None and match and match[2].startswith(fence) and not match[3]:
            fence, match = None, True
        kept.append("" if match or fence is not None else re.sub(r"`[^`]*`", "", line))
    return kept


def anchors(text):
    """The anchors that a page's headings get."""
    headings = re.findall(r"^#+ +(.*)", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def covered(expected, printed):
    """Whether `printed` is `expected`, in which … stands for anything, or for any lines where it stands alone."""
    lines = [line.rstrip() for line in expected.strip("\n").split("\n")]
    pattern = "\n".join(".*" if line == "…" else re.escape(line).replace("…", "[^\n]*") for line in lines)
    return re.fullmatch(pattern, "\n".join(line.rstrip() for line in printed.strip("\n").split("\n")), re.S) is not None


def session(code):
    """The commands of a console block: (line within it, command, what it prints)."""
    found = []
    for number, line in enumerate(code.split("\n")):
        if line.startswith("$ "):
            found.append([number, line[2:], ""])
        elif found:
            found[-1][2] += line + "\n"
    return found


def is_declarations(code):
    """Whether Swift code has nothing at its top level but declarations, so that it can be a file."""
    literal, only = False, True
    for line in code.split("\n"):
        if not literal and line and not line[0].isspace() and not DECLARATION.fullmatch(line):
            only = False
        literal ^= line.count('"""') % 2 == 1
    return only


def split_imports(code):
    """Swift code without its imports, line by line as before, and the imports."""
    imports = [line for line in code.split("\n") if re.match(r"(@\w+ )?import ", line)]
    return "\n".join("" if line in imports else line for line in code.split("\n")), imports


class Checker:
    def __init__(self, products, engine=False):
        self.products, self.engine, self.faults, self.counts = products, engine, [], {}
        self.helps = {}
        self.work = tempfile.TemporaryDirectory()
        # What a block leaves in the temporary directory goes with this run.
        self.environment = dict(os.environ, PATH=products + ":" + os.environ["PATH"], TMPDIR=self.work.name)
        checkouts = os.path.join(os.path.dirname(os.path.dirname(products)), "checkouts")
        maps = glob.glob(products + "/*.build/module.modulemap")
        folders = glob.glob(ROOT + "/Sources/*/include") + glob.glob(checkouts + "/*/Sources/*/include")
        self.flags = ["-I", products + "/Modules"] + [f for m in maps for f in ("-Xcc", "-fmodule-map-file=" + m)]
        self.flags += [f for folder in folders for f in ("-Xcc", "-I" + folder)]
        swift = os.path.realpath(subprocess.check_output(["bash", "-c", "command -v swift"], text=True).strip())
        self.toolchain = os.path.dirname(os.path.dirname(swift))

    def report(self, page, line, message):
        self.faults.append(f"{page}:{line}: {message}")

    def output_of(self, command, **options):
        """Status and output of a program, which gets no stdin."""
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300,
            env=self.environment, **options)
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def page(self, page, text):
        found = blocks(page, text, self.report)
        for block in found:
            self.counts[block.label] = self.counts.get(block.label, 0) + 1
            if block.path is not None:
                self.same_as_file(block)
            elif block.label == "json":
                try:
                    json.loads(block.code)
                except ValueError as error:
                    self.report(page, block.line, f"no JSON: {error}")
            elif block.label == "c":
                self.c(block)
            elif block.label in ("sh", "console"):
                self.shell(block)
            elif block.label == "":
                self.report(page, block.line, "the block has no label; output and drawings are `text`")
            elif block.label not in ("swift", "text"):
                self.report(page, block.line, f"nobody checks blocks of '{block.label}'")
        self.swift(page, [block for block in found if block.path is None])
        self.links(page, text)

    def links(self, page, text):
        for number, line in enumerate(prose(text), 1):
            for target in re.findall(r"\]\(([^)\s]+)\)", line):
                path, _, anchor = target.partition("#")
                if re.match(r"[a-z]+:", path):
                    continue
                file = os.path.normpath(os.path.join(ROOT, os.path.dirname(page), path)) if path else os.path.join(ROOT, page)
                if path and not os.path.exists(file):
                    self.report(page, number, f"there is no {path} to link to")
                elif anchor and anchor not in anchors(content(file) if path else text):
                    self.report(page, number, f"{path or 'this page'} has no heading for #{anchor}")

    def same_as_file(self, block):
        path = os.path.join(ROOT, block.path)
        if not os.path.isfile(path):
            self.report(block.page, block.line, f"there is no file {block.path}, and no word '{block.path}'")
        elif content(path) != block.code:
            self.report(block.page, block.line, f"differs from {block.path}")

    # Swift

    def swift(self, page, found):
        """Compiles the Swift of a page as one module, and runs what is to be run."""
        folder = tempfile.mkdtemp(dir=self.work.name)
        files, bodies = [], []
        for block in [block for block in found if block.label == "swift"]:
            if block.code.startswith("// swift-tools-version"):
                self.manifest(block, folder)
            elif block.has("continues") and bodies:
                bodies[-1].append(block)
            elif is_declarations(block.code):
                files.append((f"{folder}/file_{block.line}.swift", self.numbered(block, block.context, block.code)))
            else:
                bodies.append([block])
        for body in bodies:
            imports, text = [], ""
            for block in body:
                context, more = split_imports(block.context)
                code, most = split_imports(block.code)
                imports += more + most
                text += self.numbered(block, context, code)
            name = f"snippet_{body[0].line}"
            text = "".join(line + "\n" for line in imports) + f"func {name}() async throws {{\n{text}}}\n"
            files.append((f"{folder}/{name}.swift", text))
        if not files:
            return
        for path, text in files:
            with open(path, "w") as file:
                file.write(text)
        run = [body for body in bodies if any(self.is_run(block) for block in body)]
        outcome = self.build(folder, page, [path for path, _ in files], run)
        if outcome is not None:
            for body in run:
                self.run_body(body, outcome, found)

    @staticmethod
    def numbered(block, context, code):
        """Code whose faults the compiler reports at the page's own lines."""
        return f'{context}\n#sourceLocation(file: "{block.page}", line: {block.line})\n{code}\n#sourceLocation()\n'

    def is_run(self, block):
        return block.has("run") or (self.engine and block.has("engine"))

    def build(self, folder, page, files, run):
        """Compiles the files of a page; returns the program that runs its snippets, if there are some."""
        plugins = ["-plugin-path", self.toolchain + "/lib/swift/host/plugins/testing"]
        command = ["swiftc", "-swift-version", "6", "-module-name", "Snippets", "-suppress-warnings"] + plugins + self.flags
        program = None
        if run:
            calls = "".join(f'case "{body[0].line}": try await snippet_{body[0].line}()\n' for body in run)
            with open(folder + "/main.swift", "w") as file:
                file.write(f"switch CommandLine.arguments[1] {{\n{calls}default: break\n}}\n")
            program = folder + "/snippets"
            command += files + [folder + "/main.swift"] + self.objects() + [f"-l:lib{name}.a" for name in LIBRARIES] + ["-lstdc++", "-o", program]
        else:
            command += ["-typecheck", "-parse-as-library"] + files
        status, printed = self.output_of(command, cwd=ROOT)
        if status == 0:
            return program
        errors = [line for line in printed.split("\n") if ": error: " in line or "undefined reference" in line]
        for line in errors[:20] or [printed]:
            where = re.match(r"(?:.*/)?(" + re.escape(page) + r"):(\d+):\d+: error: (.*)", line)
            self.report(page, where[2] if where else 1, where[3] if where else line)
        return None

    def objects(self):
        """What the command is linked from, but for its own module: all modules of the library, and their packages."""
        listed = shlex.split(content(self.products + "/sandbox.product/Objects.LinkFileList"))
        return [path for path in listed if "/SandboxCLI.build/" not in path]

    def run_body(self, body, program, found):
        status, printed = self.output_of([program, str(body[0].line)], cwd=self.work.name)
        if status != 0:
            self.report(body[0].page, body[0].line, f"ended with {status}: {printed}")
        self.compare(body[-1], printed, found)

    def compare(self, block, printed, found):
        """Compares with the block of text behind it that is said to be its output."""
        behind = [other for other in found if other.line > block.line][:1]
        for other in behind:
            if other.has("its output") and not covered(other.code, printed):
                self.report(other.page, other.line, f"the block above prints:\n{printed}")

    def manifest(self, block, folder):
        path = f"{folder}/Package.swift"
        with open(path, "w") as file:
            file.write(block.code)
        api = self.toolchain + "/lib/swift/pm/ManifestAPI"
        status, printed = self.output_of(
            ["swiftc", "-typecheck", "-swift-version", "6", "-package-description-version", "6.2.0", "-I", api, path])
        if status != 0:
            self.report(block.page, block.line, printed)

    # C, and commands

    def c(self, block):
        path = os.path.join(self.work.name, f"snippet_{block.line}.c")
        with open(path, "w") as file:
            file.write(f'{block.context}\n#line {block.line} "{block.page}"\n{block.code}')
        status, printed = self.output_of(
            ["cc", "-std=c11", "-fsyntax-only", "-Wall", "-Werror", f"-I{ROOT}/Sources/CIsolate/include", path])
        if status != 0:
            self.report(block.page, block.line, printed)

    def shell(self, block):
        if block.label == "sh":
            self.look_up(block, block.line, block.code)
            if self.is_run(block):
                # What takes minutes, or changes the machine, is not run.
                stubs = "make() { :; }; swift() { :; }; apt-get() { :; }; sandbox() { command sandbox \"$@\"; }\n"
                status, printed = self.output_of(
                    ["bash", "-euo", "pipefail", "-c", stubs + block.code], cwd=ROOT)
                if status != 0:
                    self.report(block.page, block.line, f"ended with {status}: {printed}")
            return
        for number, command, expected in session(block.code):
            self.look_up(block, block.line + number, command)
            if block.has("not run") or command.split()[0] in ("make", "swift") or (block.has("engine") and not self.engine):
                continue
            status, printed = self.output_of(["bash", "-c", command], cwd=ROOT)
            stated = re.search(r"^\[exit status (\d+)\]\n*\Z", expected, re.M)
            if stated:
                expected = expected[: stated.start()]
            if status != (int(stated[1]) if stated else 0):
                self.report(block.page, block.line + number, f"ended with {status}: {printed}")
            elif not covered(expected, printed):
                self.report(block.page, block.line + number, f"prints:\n{printed}")

    def look_up(self, block, line, code):
        """Checks what the commands name: subcommands and options of `sandbox`, targets of `make`, files of the repository."""
        code = re.sub(r"\\\n", "  ", re.sub(r"<<'?(\w+)'?\n.*?\n\1\n", "\n", code, flags=re.S))
        for offset, text in enumerate(code.split("\n")):
            try:
                words = shlex.split(text, comments=True)
            except ValueError as error:
                self.report(block.page, line + offset, f"no shell: {error}")
                continue
            for word in words:
                if re.match(r"(Examples|docs|Sources)/", word) and not glob.glob(os.path.join(ROOT, word)):
                    self.report(block.page, line + offset, f"there is no {word}")
                if re.match(r"(\./)?scripts/", word) and not os.path.isfile(os.path.join(ROOT, word)):
                    self.report(block.page, line + offset, f"there is no {word}")
            for command in self.commands(words):
                if command[0] == "make" and "-C" not in command:
                    makefile = content(os.path.join(ROOT, "Makefile"))
                    for target in [word for word in command[1:] if not re.search("[=$-]", word[:1] + word.partition("=")[1])]:
                        if not re.search(rf"(?m)^(?:[\w -]* )?{re.escape(target)}(?: [\w -]*)?:", makefile):
                            self.report(block.page, line + offset, f"make has no target {target}")
                if command[0] == "sandbox":
                    self.options(block, line + offset, command[1:])

    @staticmethod
    def commands(words):
        """The commands of a line, without variables before them, `sudo`, and the `$` of a prompt."""
        command, found = [], []
        for word in words + [";"]:
            if word in ("&&", "||", "|", ";", "(", ")") or word.endswith(";"):
                command += [word[:-1]] if word[:-1] and word.endswith(";") else []
                while command and (re.match(r"\w+=", command[0]) or command[0] in ("sudo", "$", "time", "env", "!")):
                    command = command[1:]
                if command:
                    found.append(command)
                command = []
            else:
                command.append(word)
        return found

    def options(self, block, line, arguments):
        """Checks a call of `sandbox` against the command's own help."""
        subcommand, help_text = [], self.help_of([])
        for word in arguments:
            names = self.subcommands(help_text)
            if word.startswith("-") or not names:
                break
            if word not in names:
                self.report(block.page, line, f"{' '.join(['sandbox'] + subcommand)} has no subcommand {word}")
                return
            subcommand.append(word)
            help_text = self.help_of(subcommand)
        for word in arguments:
            if word == "--":
                return
            option = word.partition("=")[0]
            if re.fullmatch(r"--[a-z][a-z-]*", option) and not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", help_text):
                self.report(block.page, line, f"{' '.join(['sandbox'] + subcommand)} has no option {option}")

    @staticmethod
    def subcommands(help_text):
        """The names below SUBCOMMANDS in the command's help."""
        _, _, below = help_text.partition("SUBCOMMANDS:\n")
        return re.findall(r"^  ([a-z][\w-]*)", below, re.M)

    def help_of(self, subcommand):
        key = tuple(subcommand)
        if key not in self.helps:
            self.helps[key] = self.output_of(["sandbox", *subcommand, "--help"])[1]
        return self.helps[key]


def pages():
    """The pages of the repository that have code for readers."""
    listed = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True).split("\n")
    return [p for p in listed if re.fullmatch(r"README\.md|CONTRIBUTING\.md|CHANGELOG\.md|SECURITY\.md|docs/[^/]*\.md|Sources/.*\.docc/.*\.md", p)]


def main(arguments):
    engine = "--engine" in arguments
    named = [os.path.relpath(os.path.realpath(argument), ROOT) for argument in arguments if argument != "--engine"]
    products = subprocess.check_output(["swift", "build", "--show-bin-path"], cwd=ROOT, text=True).strip()
    checker = Checker(os.path.realpath(products), engine)
    with checker.work:
        for page in named or pages():
            checker.page(page, content(os.path.join(ROOT, page)))
    for fault in checker.faults:
        print(fault, file=sys.stderr)
    counts = ", ".join(f"{count} {label or 'without a label'}" for label, count in sorted(checker.counts.items()))
    print(f"snippets: {counts}: {len(checker.faults)} faults")
    return 1 if checker.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
