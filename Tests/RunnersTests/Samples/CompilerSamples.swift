/// Real output of g++ 12, binutils 2.40, clang 21 and lld; `§` stands for a byte that is not UTF-8.

// swift-format-ignore
enum CompilerSamples {
    static let clangGold = #"""
        /tmp/link-faa317.o:link.cpp:function main: error: undefined reference to 'foo(int)'
        /tmp/link-faa317.o:link.cpp:function main: error: undefined reference to 'bar'
        /tmp/link-faa317.o:link.cpp:function A::A(): error: undefined reference to 'vtable for A'
        /usr/bin/ld.gold: the vtable symbol may be undefined because the class is missing its key function
        clang++: error: linker command failed with exit code 1 (use -v to see invocation)

        """#

    static let clangLld = #"""
        ld.lld: error: undefined symbol: foo(int)
        >>> referenced by link.cpp
        >>>               /tmp/link-5a226a.o:(main)

        ld.lld: error: undefined symbol: bar
        >>> referenced by link.cpp
        >>>               /tmp/link-5a226a.o:(main)

        ld.lld: error: undefined symbol: vtable for A
        >>> referenced by link.cpp
        >>>               /tmp/link-5a226a.o:(A::A())
        >>> the vtable symbol may be undefined because the class is missing its key function (see https://lld.llvm.org/missingkeyfunction)
        clang++: error: linker command failed with exit code 1 (use -v to see invocation)

        """#

    static let clangWarn = #"""
        warn.cpp:2:107: error: format specifies type 'char *' but the argument has type 'int' [-Werror,-Wformat]
            2 | int main() { int unused = 3; const char* s = "main.cpp:1:1: error: not real"; int x; printf("%d %s\n", x, 5); return 0; }
              |                                                                                                 ~~        ^
              |                                                                                                 %d
        warn.cpp:2:18: error: unused variable 'unused' [-Werror,-Wunused-variable]
            2 | int main() { int unused = 3; const char* s = "main.cpp:1:1: error: not real"; int x; printf("%d %s\n", x, 5); return 0; }
              |                  ^~~~~~
        warn.cpp:2:42: error: unused variable 's' [-Werror,-Wunused-variable]
            2 | int main() { int unused = 3; const char* s = "main.cpp:1:1: error: not real"; int x; printf("%d %s\n", x, 5); return 0; }
              |                                          ^
        warn.cpp:2:104: error: variable 'x' is uninitialized when used here [-Werror,-Wuninitialized]
            2 | int main() { int unused = 3; const char* s = "main.cpp:1:1: error: not real"; int x; printf("%d %s\n", x, 5); return 0; }
              |                                                                                                        ^
        warn.cpp:2:84: note: initialize the variable 'x' to silence this warning
            2 | int main() { int unused = 3; const char* s = "main.cpp:1:1: error: not real"; int x; printf("%d %s\n", x, 5); return 0; }
              |                                                                                    ^
              |                                                                                     = 0
        4 errors generated.

        """#

    static let gccAsm = #"""
        asm.cpp: Assembler messages:
        asm.cpp:1: Error: no such instruction: `no_such_instruction %eax'

        """#

    static let gccAssert = #"""
        assert.cpp:1:27: error: static assertion failed: first
        second.cpp:1:1: error: forged
            1 | static_assert(sizeof(int) == 5, "first\nsecond.cpp:1:1: error: forged");
              |               ~~~~~~~~~~~~^~~~
        assert.cpp:1:27: note: the comparison reduces to ‘(4 == 5)’

        """#

    static let gccBytes = #"""
        bytes.cpp:2:17: error: stray ‘\351’ in program
            2 | int main() { caf<e9> x; int <ff>; "<fe>: error: q"; }
              |                 ^~~~
        bytes.cpp:2:26: error: stray ‘\377’ in program
            2 | int main() { caf<e9> x; int <ff>; "<fe>: error: q"; }
              |                             ^~~~
        bytes.cpp: In function ‘int main()’:
        bytes.cpp:2:14: error: ‘caf’ was not declared in this scope; did you mean ‘scanf’?
            2 | int main() { caf§ x; int §; "§: error: q"; }
              |              ^~~
              |              scanf
        bytes.cpp:2:22: error: declaration does not declare anything [-fpermissive]
            2 | int main() { caf§ x; int §; "§: error: q"; }
              |                      ^~~

        """#

    static let gccColor = #"""
        \#u{1b}[01m\#u{1b}[Kwarn.cpp:\#u{1b}[m\#u{1b}[K In function ‘\#u{1b}[01m\#u{1b}[Kint main()\#u{1b}[m\#u{1b}[K’:
        \#u{1b}[01m\#u{1b}[Kwarn.cpp:2:98:\#u{1b}[m\#u{1b}[K \#u{1b}[01;35m\#u{1b}[Kwarning: \#u{1b}[m\#u{1b}[Kformat ‘\#u{1b}[01m\#u{1b}[K%s\#u{1b}[m\#u{1b}[K’ expects argument of type ‘\#u{1b}[01m\#u{1b}[Kchar*\#u{1b}[m\#u{1b}[K’, but argument 3 has type ‘\#u{1b}[01m\#u{1b}[Kint\#u{1b}[m\#u{1b}[K’ [\#u{1b}[01;35m\#u{1b}[K-Wformat=\#u{1b}[m\#u{1b}[K]
            2 | int main() { int unused = 3; const char* s = "main.cpp:1:1: error: not real"; int x; printf("%d \#u{1b}[01;35m\#u{1b}[K%s\#u{1b}[m\#u{1b}[K\n", x, \#u{1b}[32m\#u{1b}[K5\#u{1b}[m\#u{1b}[K); return 0; }
              |                                                                                                 \#u{1b}[01;35m\#u{1b}[K~^\#u{1b}[m\#u{1b}[K        \#u{1b}[32m\#u{1b}[K~\#u{1b}[m\#u{1b}[K
              |                                                                                                  \#u{1b}[01;35m\#u{1b}[K|\#u{1b}[m\#u{1b}[K        \#u{1b}[32m\#u{1b}[K|\#u{1b}[m\#u{1b}[K
              |                                                                                                  \#u{1b}[01;35m\#u{1b}[Kchar*\#u{1b}[m\#u{1b}[K    \#u{1b}[32m\#u{1b}[Kint\#u{1b}[m\#u{1b}[K
              |                                                                                                 \#u{1b}[32m\#u{1b}[K%d\#u{1b}[m\#u{1b}[K
        \#u{1b}[01m\#u{1b}[Kwarn.cpp:2:18:\#u{1b}[m\#u{1b}[K \#u{1b}[01;35m\#u{1b}[Kwarning: \#u{1b}[m\#u{1b}[Kunused variable ‘\#u{1b}[01m\#u{1b}[Kunused\#u{1b}[m\#u{1b}[K’ [\#u{1b}[01;35m\#u{1b}[K-Wunused-variable\#u{1b}[m\#u{1b}[K]
            2 | int main() { int \#u{1b}[01;35m\#u{1b}[Kunused\#u{1b}[m\#u{1b}[K = 3; const char* s = "main.cpp:1:1: error: not real"; int x; printf("%d %s\n", x, 5); return 0; }
              |                  \#u{1b}[01;35m\#u{1b}[K^~~~~~\#u{1b}[m\#u{1b}[K
        \#u{1b}[01m\#u{1b}[Kwarn.cpp:2:42:\#u{1b}[m\#u{1b}[K \#u{1b}[01;35m\#u{1b}[Kwarning: \#u{1b}[m\#u{1b}[Kunused variable ‘\#u{1b}[01m\#u{1b}[Ks\#u{1b}[m\#u{1b}[K’ [\#u{1b}[01;35m\#u{1b}[K-Wunused-variable\#u{1b}[m\#u{1b}[K]
            2 | int main() { int unused = 3; const char* \#u{1b}[01;35m\#u{1b}[Ks\#u{1b}[m\#u{1b}[K = "main.cpp:1:1: error: not real"; int x; printf("%d %s\n", x, 5); return 0; }
              |                                          \#u{1b}[01;35m\#u{1b}[K^\#u{1b}[m\#u{1b}[K
        \#u{1b}[01m\#u{1b}[Kwarn.cpp:2:92:\#u{1b}[m\#u{1b}[K \#u{1b}[01;35m\#u{1b}[Kwarning: \#u{1b}[m\#u{1b}[K‘\#u{1b}[01m\#u{1b}[Kx\#u{1b}[m\#u{1b}[K’ is used uninitialized [\#u{1b}[01;35m\#u{1b}[K-Wuninitialized\#u{1b}[m\#u{1b}[K]
            2 | int main() { int unused = 3; const char* s = "main.cpp:1:1: error: not real"; int x; \#u{1b}[01;35m\#u{1b}[Kprintf("%d %s\n", x, 5)\#u{1b}[m\#u{1b}[K; return 0; }
              |                                                                                      \#u{1b}[01;35m\#u{1b}[K~~~~~~^~~~~~~~~~~~~~~~~\#u{1b}[m\#u{1b}[K
        \#u{1b}[01m\#u{1b}[Kwarn.cpp:2:83:\#u{1b}[m\#u{1b}[K \#u{1b}[01;36m\#u{1b}[Knote: \#u{1b}[m\#u{1b}[K‘\#u{1b}[01m\#u{1b}[Kx\#u{1b}[m\#u{1b}[K’ was declared here
            2 | int main() { int unused = 3; const char* s = "main.cpp:1:1: error: not real"; int \#u{1b}[01;36m\#u{1b}[Kx\#u{1b}[m\#u{1b}[K; printf("%d %s\n", x, 5); return 0; }
              |                                                                                   \#u{1b}[01;36m\#u{1b}[K^\#u{1b}[m\#u{1b}[K

        """#

    static let gccDepth = #"""
        depth.cpp: In instantiation of ‘const int S<899>::v’:
        depth.cpp:1:58:   recursively required from ‘const int S<1>::v’
        depth.cpp:1:58:   required from ‘const int S<0>::v’
        depth.cpp:2:27:   required from here
        depth.cpp:1:58: fatal error: template instantiation depth exceeds maximum of 900 (use ‘-ftemplate-depth=’ to increase the maximum)
            1 | template <int N> struct S { static const int v = S<N+1>::v; };
              |                                                          ^
        compilation terminated.

        """#

    static let gccEmpty = #"""
        /usr/bin/ld: /usr/lib/gcc/x86_64-linux-gnu/12/../../../x86_64-linux-gnu/Scrt1.o: in function `_start':
        (.text+0x17): undefined reference to `main'
        collect2: error: ld returned 1 exit status

        """#

    static let gccErr = #"""
        err.cpp: In function ‘int main()’:
        err.cpp:5:21: error: conversion from ‘int’ to non-scalar type ‘std::string’ {aka ‘std::__cxx11::basic_string<char>’} requested
            5 |     std::string s = 5;
              |                     ^
        err.cpp:8:13: error: invalid conversion from ‘const char*’ to ‘int’ [-fpermissive]
            8 |     int a = "x: error: y";
              |             ^~~~~~~~~~~~~
              |             |
              |             const char*
        err.cpp:9:5: error: ‘missing_thing’ was not declared in this scope
            9 |     missing_thing(a);
              |     ^~~~~~~~~~~~~
        err.cpp:10:13: error: expected ‘;’ before ‘}’ token
           10 |     return 0
              |             ^
              |             ;
           11 | }
              | ~           \#u{20}
        err.cpp: In instantiation of ‘void f(T) [with T = int]’:
        err.cpp:6:6:   required from here
        err.cpp:3:36: error: request for member ‘foo’ in ‘t’, which is of non-class type ‘int’
            3 | template <class T> void f(T t) { t.foo(); }
              |                                  ~~^~~

        """#

    static let gccFatal = #"""
        fatal.cpp:1:10: fatal error: no/such/header.h: No such file or directory
            1 | #include <no/such/header.h>
              |          ^~~~~~~~~~~~~~~~~~
        compilation terminated.

        """#

    static let gccHash = #"""
        hash.cpp:1:2: error: #error message: with: colons [-Wfake]
            1 | #error message: with: colons [-Wfake]
              |  ^~~~~
        hash.cpp:2:2: warning: #warning careful: now [-Wcpp]
            2 | #warning careful: now
              |  ^~~~~~~
        we ird:name.cpp: In function ‘int main()’:
        we ird:name.cpp:7:21: error: ‘nope’ was not declared in this scope

        """#

    static let gccLib = #"""
        /usr/bin/ld: cannot find -lnosuchlib: No such file or directory
        collect2: error: ld returned 1 exit status

        """#

    static let gccLinkG = #"""
        /usr/bin/ld: /tmp/ccYIAyPs.o: warning: relocation against `bar' in read-only section `.text'
        /usr/bin/ld: /tmp/ccYIAyPs.o: in function `main':
        /work/link.cpp:3: undefined reference to `vtable for A'
        /usr/bin/ld: /work/link.cpp:3: undefined reference to `foo(int)'
        /usr/bin/ld: /work/link.cpp:3: undefined reference to `bar'
        /usr/bin/ld: warning: creating DT_TEXTREL in a PIE
        collect2: error: ld returned 1 exit status

        """#

    static let gccLink = #"""
        /usr/bin/ld: /tmp/cczVzCdx.o: warning: relocation against `bar' in read-only section `.text'
        /usr/bin/ld: /tmp/cczVzCdx.o: in function `main':
        link.cpp:(.text+0xb): undefined reference to `vtable for A'
        /usr/bin/ld: link.cpp:(.text+0x19): undefined reference to `foo(int)'
        /usr/bin/ld: link.cpp:(.text+0x1f): undefined reference to `bar'
        /usr/bin/ld: warning: creating DT_TEXTREL in a PIE
        collect2: error: ld returned 1 exit status

        """#

    static let gccOption = #"""
        g++: error: unrecognized command-line option ‘-fno-such-option’

        """#

    static let gccSpace = #"""
        In file included from space.cpp:1:
        with space.h:1:22: error: expected primary-expression before ‘return’
            1 | inline int broken( { return nope; }
              |                      ^~~~~~
        with space.h:1:22: error: expected ‘}’ before ‘return’
            1 | inline int broken( { return nope; }
              |                    ~ ^~~~~~
        with space.h:1:21: error: expected ‘)’ before ‘return’
            1 | inline int broken( { return nope; }
              |                  ~  ^~~~~~~
              |                     )
        with space.h:1:35: error: expected declaration before ‘}’ token
            1 | inline int broken( { return nope; }
              |                                   ^

        """#

    static let gccTwo = #"""
        /usr/bin/ld: /tmp/ccTU8UNY.o: in function `main':
        m2.cpp:(.text+0x0): multiple definition of `main'; /tmp/ccaYnPnV.o:m1.cpp:(.text+0x0): first defined here
        collect2: error: ld returned 1 exit status

        """#

    static let gccWarn = #"""
        warn.cpp: In function ‘int main()’:
        warn.cpp:2:98: warning: format ‘%s’ expects argument of type ‘char*’, but argument 3 has type ‘int’ [-Wformat=]
            2 | int main() { int unused = 3; const char* s = "main.cpp:1:1: error: not real"; int x; printf("%d %s\n", x, 5); return 0; }
              |                                                                                                 ~^        ~
              |                                                                                                  |        |
              |                                                                                                  char*    int
              |                                                                                                 %d
        warn.cpp:2:18: warning: unused variable ‘unused’ [-Wunused-variable]
            2 | int main() { int unused = 3; const char* s = "main.cpp:1:1: error: not real"; int x; printf("%d %s\n", x, 5); return 0; }
              |                  ^~~~~~
        warn.cpp:2:42: warning: unused variable ‘s’ [-Wunused-variable]
            2 | int main() { int unused = 3; const char* s = "main.cpp:1:1: error: not real"; int x; printf("%d %s\n", x, 5); return 0; }
              |                                          ^
        warn.cpp:2:92: warning: ‘x’ is used uninitialized [-Wuninitialized]
            2 | int main() { int unused = 3; const char* s = "main.cpp:1:1: error: not real"; int x; printf("%d %s\n", x, 5); return 0; }
              |                                                                                      ~~~~~~^~~~~~~~~~~~~~~~~
        warn.cpp:2:83: note: ‘x’ was declared here
            2 | int main() { int unused = 3; const char* s = "main.cpp:1:1: error: not real"; int x; printf("%d %s\n", x, 5); return 0; }
              |                                                                                   ^

        """#

    static let gccWerror = #"""
        warn.cpp: In function ‘int main()’:
        warn.cpp:2:98: error: format ‘%s’ expects argument of type ‘char*’, but argument 3 has type ‘int’ [-Werror=format=]
            2 | int main() { int unused = 3; const char* s = "main.cpp:1:1: error: not real"; int x; printf("%d %s\n", x, 5); return 0; }
              |                                                                                                 ~^        ~
              |                                                                                                  |        |
              |                                                                                                  char*    int
              |                                                                                                 %d
        warn.cpp:2:18: error: unused variable ‘unused’ [-Werror=unused-variable]
            2 | int main() { int unused = 3; const char* s = "main.cpp:1:1: error: not real"; int x; printf("%d %s\n", x, 5); return 0; }
              |                  ^~~~~~
        warn.cpp:2:42: error: unused variable ‘s’ [-Werror=unused-variable]
            2 | int main() { int unused = 3; const char* s = "main.cpp:1:1: error: not real"; int x; printf("%d %s\n", x, 5); return 0; }
              |                                          ^
        warn.cpp:2:92: error: ‘x’ is used uninitialized [-Werror=uninitialized]
            2 | int main() { int unused = 3; const char* s = "main.cpp:1:1: error: not real"; int x; printf("%d %s\n", x, 5); return 0; }
              |                                                                                      ~~~~~~^~~~~~~~~~~~~~~~~
        warn.cpp:2:83: note: ‘x’ was declared here
            2 | int main() { int unused = 3; const char* s = "main.cpp:1:1: error: not real"; int x; printf("%d %s\n", x, 5); return 0; }
              |                                                                                   ^
        cc1plus: all warnings being treated as errors

        """#
}
