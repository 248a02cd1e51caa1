/// Replaces the command when the package is built without its `CLI` trait.

#if !CLI
import Glibc

@main
enum WithoutTrait {
    static func main() {
        let message = "sandbox: built without the CLI trait; build again with `--traits CLI`\n"
        _ = message.withCString { write(STDERR_FILENO, $0, strlen($0)) }
        exit(125)
    }
}
#endif
