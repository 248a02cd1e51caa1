/// Real stderr of CPython 3.11.

// swift-format-ignore
enum PythonSamples {
    static let chain = #"""
        Traceback (most recent call last):
          File "/work/chain.py", line 6, in b
            a()
          File "/work/chain.py", line 3, in a
            {}["k"]
            ~~^^^^^
        KeyError: 'k'

        The above exception was the direct cause of the following exception:

        Traceback (most recent call last):
          File "/work/chain.py", line 10, in <module>
            b()
          File "/work/chain.py", line 8, in b
            raise ValueError("bad value: 5\nsecond line\n  File \"x\", line 3, in y") from e
        ValueError: bad value: 5
        second line
          File "x", line 3, in y

        During handling of the above exception, another exception occurred:

        Traceback (most recent call last):
          File "/work/chain.py", line 12, in <module>
            raise MyError()
        MyError

        """#

    static let emptyMsg = #"""
        Traceback (most recent call last):
          File "/work/empty_msg.py", line 1, in <module>
            raise ValueError("")
        ValueError

        """#

    static let exitmsg = #"""
        plain message: oops

        """#

    static let group = #"""
          + Exception Group Traceback (most recent call last):
          |   File "/work/group.py", line 9, in <module>
          |     main()
          |   File "/work/group.py", line 8, in main
          |     raise ExceptionGroup("many: things", es)
          | ExceptionGroup: many: things (2 sub-exceptions)
          +-+---------------- 1 ----------------
            | Traceback (most recent call last):
            |   File "/work/group.py", line 5, in main
            |     try: g()
            |          ^^^
            |   File "/work/group.py", line 2, in g
            |     raise ValueError("inner: one")
            | ValueError: inner: one
            +---------------- 2 ----------------
            | ExceptionGroup: nested (2 sub-exceptions)
            +-+---------------- 1 ----------------
              | TypeError: t1
              +---------------- 2 ----------------
              | FileNotFoundError: [Errno 2] no
              +------------------------------------

        """#

    static let groupcause = #"""
          + Exception Group Traceback (most recent call last):
          |   File "/work/groupcause.py", line 2, in <module>
          |     raise ExceptionGroup("g", [KeyError("k")])
          | ExceptionGroup: g (1 sub-exception)
          +-+---------------- 1 ----------------
            | KeyError: 'k'
            +------------------------------------

        The above exception was the direct cause of the following exception:

        Traceback (most recent call last):
          File "/work/groupcause.py", line 4, in <module>
            raise RuntimeError("after") from e
        RuntimeError: after

        """#

    static let groupchain = #"""
        Traceback (most recent call last):
          File "/work/groupchain.py", line 2, in <module>
            1/0
            ~^~
        ZeroDivisionError: division by zero

        During handling of the above exception, another exception occurred:

          + Exception Group Traceback (most recent call last):
          |   File "/work/groupchain.py", line 4, in <module>
          |     raise ExceptionGroup("g", [KeyError("k")])
          | ExceptionGroup: g (1 sub-exception)
          +-+---------------- 1 ----------------
            | KeyError: 'k'
            +------------------------------------

        """#

    static let groupgroup = #"""
          + Exception Group Traceback (most recent call last):
          |   File "/work/groupgroup.py", line 2, in <module>
          |     raise ExceptionGroup("first\nsecond", [KeyError("k")])
          | ExceptionGroup: first
        second (1 sub-exception)
          +-+---------------- 1 ----------------
            | KeyError: 'k'
            +------------------------------------

        The above exception was the direct cause of the following exception:

          + Exception Group Traceback (most recent call last):
          |   File "/work/groupgroup.py", line 4, in <module>
          |     raise ExceptionGroup("after", [ValueError("v")]) from e
          | ExceptionGroup: after (1 sub-exception)
          +-+---------------- 1 ----------------
            | ValueError: v
            +------------------------------------

        """#

    static let importbad = #"""
        Traceback (most recent call last):
          File "/work/importbad.py", line 3, in <module>
            load()
          File "/work/importbad.py", line 2, in load
            import badmod
          File "/work/badmod.py", line 1
            def f(:
                  ^
        SyntaxError: invalid syntax

        """#

    static let indent = #"""
          File "/work/indent.py", line 2
            x = 1
            ^
        IndentationError: expected an indented block after function definition on line 1

        """#

    static let interrupt = #"""
        Traceback (most recent call last):
          File "/work/interrupt.py", line 1, in <module>
            raise KeyboardInterrupt
        KeyboardInterrupt

        """#

    static let local = #"""
        Traceback (most recent call last):
          File "/work/local.py", line 4, in <module>
            exec("f()")
          File "<string>", line 1, in <module>
          File "/work/local.py", line 3, in f
            raise E("local: e")
        f.<locals>.E: local: e

        """#

    static let logged = #"""
        Traceback (most recent call last):
          File "/work/logged.py", line 2, in <module>
            try: 1/0
                 ~^~
        ZeroDivisionError: division by zero
        some log: line

        """#

    static let mp = #"""
        concurrent.futures.process._RemoteTraceback:\#u{20}
        """
        Traceback (most recent call last):
          File "/usr/lib/python3.11/concurrent/futures/process.py", line 256, in _process_worker
            r = call_item.fn(*call_item.args, **call_item.kwargs)
                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          File "/work/mp.py", line 2, in f
            def f(x): return 1 // x
                             ~~^^~~
        ZeroDivisionError: integer division or modulo by zero
        """

        The above exception was the direct cause of the following exception:

        Traceback (most recent call last):
          File "/work/mp.py", line 4, in <module>
            with c.ProcessPoolExecutor(1) as p: p.submit(f, 0).result()
                                                ^^^^^^^^^^^^^^^^^^^^^^^
          File "/usr/lib/python3.11/concurrent/futures/_base.py", line 456, in result
            return self.__get_result()
                   ^^^^^^^^^^^^^^^^^^^
          File "/usr/lib/python3.11/concurrent/futures/_base.py", line 401, in __get_result
            raise self._exception
        ZeroDivisionError: integer division or modulo by zero

        """#

    static let nonutf8 = #"""
        SyntaxError: Non-UTF-8 code starting with '\xff' in file /work/nonutf8.py on line 1, but no encoding declared; see https://peps.python.org/pep-0263/ for details

        """#

    static let note = #"""
        Traceback (most recent call last):
          File "/work/note.py", line 3, in <module>
            raise e
        ValueError: x
        note one
        note two

        """#

    static let recurse = #"""
        Traceback (most recent call last):
          File "/work/recurse.py", line 3, in <module>
            f(0)
          File "/work/recurse.py", line 2, in f
            return f(n + 1)
                   ^^^^^^^^
          File "/work/recurse.py", line 2, in f
            return f(n + 1)
                   ^^^^^^^^
          File "/work/recurse.py", line 2, in f
            return f(n + 1)
                   ^^^^^^^^
          [Previous line repeated 996 more times]
        RecursionError: maximum recursion depth exceeded

        """#

    static let spAceQ = #"""
        Traceback (most recent call last):
          File "/work/sp ace"q.py", line 3, in <module>
            raise Weird
        Weird:\#u{20}
          File "x", line 1

        During handling

        """#

    static let syntax = #"""
          File "/work/syntax.py", line 2
            print("abc"
                 ^
        SyntaxError: '(' was never closed

        """#

    static let tab = #"""
          File "/work/tab.py", line 3
            y=2
        TabError: inconsistent use of tabs and spaces in indentation

        """#

    static let thread = #"""
        Traceback (most recent call last):
          File "/work/thread.py", line 7, in <module>
            raise ValueError("main")
        ValueError: main
        Exception in thread Thread-1 (w):
        Traceback (most recent call last):
          File "/usr/lib/python3.11/threading.py", line 1038, in _bootstrap_inner
            self.run()
          File "/usr/lib/python3.11/threading.py", line 975, in run
            self._target(*self._args, **self._kwargs)
          File "/work/thread.py", line 2, in w
            def w(): time.sleep(0.3); raise KeyError("in thread")
                                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^
        KeyError: 'in thread'
        Exception ignored in: <function D.__del__ at 0x7f9258a65da0>
        Traceback (most recent call last):
          File "/work/thread.py", line 5, in __del__
        OSError: in del

        """#

    static let zero = #"""
        Traceback (most recent call last):
          File "/work/zero.py", line 4, in <module>
            divide(1, 0) + 3
            ^^^^^^^^^^^^
          File "/work/zero.py", line 2, in divide
            return a / b
                   ~~^~~
        ZeroDivisionError: division by zero

        """#
}
