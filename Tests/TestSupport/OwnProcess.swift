/// Finds the processes of a backend by their roles, and disturbs them.

package import Foundation
import Glibc

/// The role of a backend's process.
package enum Role: String, CaseIterable, Sendable {
    case supervisor, agent, slot, seat, initial, program

    /// By the name that each process gives itself; a process below a slot without such a name is a program,
    /// before or after its exec.
    init(name: String) {
        switch name {
        case "seat": self = .seat
        case "init": self = .initial
        default: self = .program
        }
    }
}

package struct OwnProcess: Sendable {
    package var pid: pid_t
    package var role: Role

    /// A supervisor or a container's agent, and all processes below it at this moment. Its children are
    /// slots.
    package static func all(below top: pid_t, as role: Role = .supervisor) -> [OwnProcess] {
        var children: [pid_t: [(pid_t, String)]] = [:]
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        for pid in names.compactMap({ pid_t($0) }) {
            guard let (parent, name) = parentAndName(pid) else { continue }
            children[parent, default: []].append((pid, name))
        }
        var found = [OwnProcess(pid: top, role: role)]
        let slots = (children[top] ?? []).map(\.0)
        found += slots.map { OwnProcess(pid: $0, role: .slot) }
        var queue = slots.flatMap { children[$0] ?? [] }
        while let (pid, name) = queue.popLast() {
            found.append(OwnProcess(pid: pid, role: Role(name: name)))
            queue += children[pid] ?? []
        }
        return found
    }

    private static func parentAndName(_ pid: pid_t) -> (pid_t, String)? {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let open = text.firstIndex(of: "("), let close = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[text.index(after: close)...].split(separator: " ")
        guard fields.count > 1, let parent = pid_t(fields[1]) else { return nil }
        return (parent, String(text[text.index(after: open)..<close]))
    }

    /// Sends SIGSTOP or SIGKILL, or holds the process in a tracer's stop for 50 to 2,500 ms; returns which,
    /// for messages.
    package func disturb(_ random: inout SeededGenerator) -> String {
        switch Int.random(in: 0..<3, using: &random) {
        case 0:
            stop()
            return "stopped a \(role)"
        case 1:
            kill(pid, SIGKILL)
            return "killed a \(role)"
        default:
            let time = UInt32.random(in: 50...2500, using: &random)
            block(milliseconds: time)
            return "blocked a \(role) for \(time) ms"
        }
    }

    package func stop() { kill(pid, SIGSTOP) }

    /// Holds the process in a tracer's stop for this long, as a debugger does.
    package func block(milliseconds: UInt32) {
        let pid = pid
        Thread.detachNewThread {
            typealias Trace = @convention(c) (Int32, pid_t, CLong, CLong) -> CLong
            guard let symbol = dlsym(nil, "ptrace") else { return }
            let trace = unsafeBitCast(symbol, to: Trace.self)
            // PTRACE_SEIZE, PTRACE_INTERRUPT; the kernel releases the process when this thread ends.
            guard trace(0x4206, pid, 0, 0) == 0 else { return }
            _ = trace(0x4207, pid, 0, 0)
            usleep(milliseconds * 1000)
        }
    }
}
