"""Makes the interpreter that imports this module at its start a template, and goes on in each restored one.

Python imports sitecustomize when it is nearly ready. Here that is the place to load what programs will need. When
Python is about to open the program, with nothing else left to do, Sources/CSnapshot calls start() below, which has the
process written as an executable. Whoever executes that file finds itself behind the call of getpgid, and has to take
over what is its own: arguments, variables, streams, and everything that must differ between two runs. Then it
returns the program's code.
"""


# Exit statuses of the template, which Swift knows, too.
IMPORT_FAILED, SNAPSHOT_FAILED = 101, 102

# Of the executable, as in snapshot.h.
PAGE, TOUCHED, TOUCHED_OFFSET = 4096, 256, 16 * 4096

# The first argument of the snapshot's first process, and its program.
TRIAL = b"trial"
TRIAL_PROGRAM = "print(*[str(i) for i in range(0)], end='')\n"


def end_template(status, error):
    import os
    import sys

    sys.stderr.write(type(error).__name__ + ": " + str(error) + "\n")
    sys.stderr.flush()
    os._exit(status)


def _warm():
    import sys

    before = frozenset(sys.modules)
    import _frozen_importlib_external
    import _weakref
    import atexit
    import builtins
    import gc
    import io
    import os

    Module = type(sys)

    def content(path):
        """A file's bytes, without what a file object costs."""
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            parts = []
            while not parts or parts[-1]:
                parts.append(os.read(number, 1 << 16))
        finally:
            os.close(number)
        return b"".join(parts)

    def own_line(name):
        return content("/proc/self/" + name).split(b"\0")[:-1]

    here = os.path.dirname(os.path.abspath(__file__))
    modules = os.environ["SWIFT_SANDBOX_WARM"].split()
    for name in ("SWIFT_SANDBOX_WARM", "LD_PRELOAD", "PYTHONPATH"):
        os.environ.pop(name, None)
    sys.path[:] = [path for path in sys.path if path != here]
    sys.path_importer_cache.pop(here, None)
    fixed_arguments = len(own_line("cmdline"))
    program = sys.argv[0]
    # Python looks at the program's file before it opens it.
    os.makedirs(os.path.dirname(os.path.abspath(program)), exist_ok=True)
    with open(program, "x") as file:
        file.write(TRIAL_PROGRAM)

    def import_original():
        """Imports the image's own sitecustomize, which this one hid."""
        this = sys.modules.pop("sitecustomize")
        try:
            import sitecustomize
        except ImportError as error:
            if error.name != "sitecustomize":
                raise
        sys.modules.setdefault("sitecustomize", this)
        return this

    # Modules that only this one needs: a program that imports them makes them anew.
    for name in frozenset(sys.modules) - before:
        del sys.modules[name]
    this = import_original()
    try:
        for name in modules:
            __import__(name)
    except BaseException as error:
        end_template(IMPORT_FAILED, error)

    template_variables = dict(os.environb)
    template_line = [b"=".join(entry) for entry in template_variables.items()]
    loaded = set()

    def take_arguments():
        line = own_line("cmdline")
        own = [os.fsdecode(argument) for argument in line[fixed_arguments:]]
        sys.argv[1:] = own
        if hasattr(sys, "orig_argv"):
            sys.orig_argv[fixed_arguments:] = own
        return line[0] == TRIAL

    def take_variables():
        line = own_line("environ")
        if line == template_line:
            return
        own = dict(entry.partition(b"=")[::2] for entry in line)
        if own != template_variables:
            os.environb.clear()
            os.environb.update(own)

    def stream(number, template, writes):
        """A standard stream as Python makes it at its start."""
        if template is None:
            return None
        try:
            os.fstat(number)
        except OSError:
            return None
        is_unbuffered = template.write_through  # python -u, whose stdin has a buffer all the same
        is_buffered = not (writes and is_unbuffered)
        buffer = io.open(number, "wb" if writes else "rb", -1 if is_buffered else 0, closefd=False)
        raw = buffer.raw if is_buffered else buffer
        raw.name = template.name
        text = io.TextIOWrapper(
            buffer, template.encoding, template.errors, "\n",
            not is_unbuffered and (raw.isatty() or number == 2), is_unbuffered)
        text.mode = template.mode
        return text

    def take_streams():
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            new = stream(number, getattr(sys, name), number > 0)
            setattr(sys, name, new)
            setattr(sys, "__" + name + "__", new)

    def take_chance():
        """Anew what the template drew once for all."""
        found = sys.modules.get
        if found("random"):
            sys.modules["random"].seed()
        if found("numpy.random"):
            sys.modules["numpy.random"].seed()
        if found("tempfile"):
            sys.modules["tempfile"]._name_sequence = None
        if found("multiprocessing.process"):
            sys.modules["multiprocessing.process"].current_process().authkey = os.urandom(32)
        if found("ssl"):
            sys.modules["ssl"].RAND_add(os.urandom(32), 32.0)
        if found("logging"):
            import time
            sys.modules["logging"]._startTime = time.time()

    def take_main():
        """A main module of its own, which ends with the program."""
        main = Module("__main__")
        main.__dict__.update(sys.modules["__main__"].__dict__)
        if "__annotations__" in main.__dict__:
            main.__annotations__ = {}
        sys.modules["__main__"] = main

    def prepare():
        """The main program's code, or None: Python shall read it, and say what is wrong with it."""
        try:
            name = os.path.abspath(program) if sys.version_info >= (3, 9) else program
            code = builtins.compile(content(name), name, "exec", dont_inherit=True)
        except BaseException:
            return None
        main = sys.modules["__main__"].__dict__
        main["__file__"] = name
        main["__cached__"] = None
        main["__loader__"] = _frozen_importlib_external.SourceFileLoader("__main__", name)
        return code

    def status_of_exit(exit):
        """The exit status of SystemExit, which prints any other value, as Python does."""
        code = exit.code
        if code is None:
            return 0
        if isinstance(code, int):
            return code & 0xFF if -(1 << 63) <= code < 1 << 63 else 255
        try:
            sys.stdout.flush()
        except BaseException:
            pass
        for part in (code, "\n"):
            try:
                sys.stderr.write(str(part))
            except BaseException:
                pass
        return 1

    def flush(*files):
        """Whether all could be flushed."""
        try:
            for file in files:
                if file is not None and not file.closed:
                    file.flush()
            return True
        except BaseException:
            return False

    def clear(names):
        """As Python ends a module that something still refers to."""
        for key in [key for key in names if key[:1] == "_" and key[1:2] != "_"]:
            names[key] = None
        for key in [key for key in names if key != "__builtins__"]:
            names[key] = None

    def end_objects():
        """Ends what the program made, in Python's order. What the template loaded stays: none of it has anything to
        end, and to end it is most of what Python does at its end."""
        gc.collect()
        for key in ("path", "argv", "ps1", "ps2", "last_type", "last_value", "last_traceback", "last_exc",
                    "path_hooks", "path_importer_cache", "meta_path"):
            if key in sys.__dict__:
                sys.__dict__[key] = None
        sys.stdin, sys.stdout, sys.stderr = sys.__stdin__, sys.__stdout__, sys.__stderr__
        sys.modules["io"] = None  # no tracebacks with lines of the source any more
        own = [(name, sys.modules.pop(name)) for name in list(sys.modules) if name not in loaded]
        own = [_weakref.ref(module) for _, module in own if isinstance(module, Module)]
        gc.collect()
        for reference in reversed(own):
            module = reference()
            if module is not None:
                clear(module.__dict__)
        module = None
        gc.collect()
        for value in gc.get_objects():
            if isinstance(value, io.IOBase):
                flush(value)

    def finish():
        """What Python does at its end. False: it shall do it itself, and say what is wrong."""
        threading = sys.modules.get("threading")
        if threading is not None:
            try:
                threading._shutdown()
            except BaseException:
                pass
        atexit._run_exitfuncs()
        if not flush(sys.stdout, sys.stderr):
            return False
        end_objects()
        return flush(sys.stdout, sys.stderr)

    def touched():
        """The memory that this process has written to, or made: pairs of a start and an end."""
        found = [0, 0]
        with open("/proc/self/maps") as maps, open("/proc/self/pagemap", "rb") as pages:
            for line in maps:
                place, permissions = line.split()[:2]
                start, end = (int(address, 16) for address in place.split("-"))
                if permissions[1:4:2] != "wp" or "[stack]" in line:
                    continue
                pages.seek(start // PAGE * 8)
                for page, bits in enumerate(memoryview(pages.read((end - start) // PAGE * 8)).cast("Q")):
                    if bits >> 63 and not bits >> 61 & 1:  # present, and no page of a file
                        at = start + page * PAGE
                        if at - found[-1] > PAGE:
                            found += (at, at)
                        found[-1] = at + PAGE
        return found[2:]

    def finish_and_tell():
        is_finished = finish()
        with open(here + "/touched", "wb") as file:
            file.write(b"".join(address.to_bytes(8, "little") for address in touched()[:2 * TOUCHED]))
        return is_finished

    def note_touched():
        """Tries the snapshot with a small program, and writes into it which memory that one wrote to."""
        arguments = [TRIAL] + own_line("cmdline")[1:]
        tried = os.posix_spawn(here + "/python3", arguments, template_variables)
        os.waitpid(tried, 0)
        with open(here + "/python3", "r+b") as file:
            file.seek(TOUCHED_OFFSET)
            file.write(content(here + "/touched"))

    def become_template():
        """Has the process written. Returns in the restored ones only."""
        try:
            if sys.modules.get("sitecustomize") is this:
                del sys.modules["sitecustomize"]
            loaded.update(sys.modules)
            loaded.discard("__main__")
            gc.collect()
            template = os.fork()
            if template != 0:
                status = os.waitpid(template, 0)[1]
                if status == 0:
                    try:
                        note_touched()
                    except OSError:
                        pass  # without it the snapshot works as well, only slower
                os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else SNAPSHOT_FAILED)
            file = os.open(here + "/python3", os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o755)
            gc.freeze()
            if os.getpgid(-(0x5AFE0000 | file)):
                return
        except BaseException as error:
            end_template(SNAPSHOT_FAILED, error)
        os._exit(0)

    def start():
        """The program's code and what is to be done at its end; None: an interpreter of its own shall run it."""
        become_template()
        is_trial = take_arguments()
        take_variables()
        take_streams()
        take_chance()
        take_main()
        code = prepare()
        return code and (code, status_of_exit, finish_and_tell if is_trial else finish)

    sys._swift_sandbox = start


try:
    _warm()
except BaseException as error:
    end_template(SNAPSHOT_FAILED, error)
