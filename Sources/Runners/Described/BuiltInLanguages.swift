/// The descriptions that are part of the library: the files of `Languages`, which SwiftPM makes into bytes of the code.

#if Languages
enum BuiltInLanguages {
    /// Names and contents. A test compares the names with the directory's.
    static let files: [(name: String, bytes: [UInt8])] = [
        ("bash.yaml", PackageResources.bash_yaml),
        ("c.yaml", PackageResources.c_yaml),
        ("c-clang.yaml", PackageResources.c_clang_yaml),
        ("cpp.yaml", PackageResources.cpp_yaml),
        ("cpp-clang.yaml", PackageResources.cpp_clang_yaml),
        ("csharp.yaml", PackageResources.csharp_yaml),
        ("go.yaml", PackageResources.go_yaml),
        ("haskell.yaml", PackageResources.haskell_yaml),
        ("java.yaml", PackageResources.java_yaml),
        ("javascript.yaml", PackageResources.javascript_yaml),
        ("kotlin.yaml", PackageResources.kotlin_yaml),
        ("lua.yaml", PackageResources.lua_yaml),
        ("ocaml.yaml", PackageResources.ocaml_yaml),
        ("pascal.yaml", PackageResources.pascal_yaml),
        ("perl.yaml", PackageResources.perl_yaml),
        ("php.yaml", PackageResources.php_yaml),
        ("pypy.yaml", PackageResources.pypy_yaml),
        ("python.yaml", PackageResources.python_yaml),
        ("ruby.yaml", PackageResources.ruby_yaml),
        ("rust.yaml", PackageResources.rust_yaml),
        ("sql.yaml", PackageResources.sql_yaml),
        ("swift.yaml", PackageResources.swift_yaml),
        ("typescript.yaml", PackageResources.typescript_yaml),
    ]
}
#endif
