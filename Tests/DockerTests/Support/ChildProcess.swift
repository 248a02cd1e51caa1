/// A command of the host that a test runs.

#if Docker
import Foundation
import Glibc

/// Not Foundation's `Process`: it waits until the daemons that the command leaves, too, have closed a socket that they
/// inherit.
enum ChildProcess {
    /// Runs a command to its end, on a thread that may wait.
    ///
    /// - Parameter log: a file that is made, for both of its streams.
    /// - Returns: what `waitpid` says of it; -1 if there is no such program.
    static func run(_ command: [String], log: String) async -> Int32 {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: status(of: command, log: log)) }
        }
    }

    private static func status(of command: [String], log: String) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        let arguments = command.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        guard posix_spawnp(&pid, command[0], &actions, nil, arguments, environ) == 0 else { return -1 }
        var status: Int32 = -1
        while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        return status
    }
}
#endif
