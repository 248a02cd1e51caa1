/// The processes below a supervisor, by what they are, and what can happen to them.

import Foundation
import Glibc

/// What a process of a local backend is.
enum Role: String, CaseIterable {
    case supervisor, slot, seat, initial, program

    /// By the name that each gives itself; whatever else lives below a slot is a program, before or after its exec.
    init(name: String, isSlot: Bool) {
        switch name {
        case _ where isSlot: self = .slot
        case "seat": self = .seat
        case "init": self = .initial
        default: self = .program
        }
    }
}

struct OwnProcess {
    var pid: pid_t
    var role: Role

    /// Everything below a supervisor, as it was a moment ago.
    static func all(below supervisor: pid_t) -> [OwnProcess] {
        var children: [pid_t: [(pid_t, String)]] = [:]
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        for pid in names.compactMap({ pid_t($0) }) {
            guard let (parent, name) = parentAndName(pid) else { continue }
            children[parent, default: []].append((pid, name))
        }
        var found = [OwnProcess(pid: supervisor, role: .supervisor)]
        var queue = (children[supervisor] ?? []).map { ($0.0, $0.1, true) }
        while let (pid, name, isSlot) = queue.popLast() {
            found.append(OwnProcess(pid: pid, role: Role(name: name, isSlot: isSlot)))
            queue += (children[pid] ?? []).map { ($0.0, $0.1, false) }
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

    func stop() { kill(pid, SIGSTOP) }

    /// Holds it in a tracer's stop for so long, as a debugger does.
    func block(milliseconds: UInt32) {
        let pid = pid
        Thread.detachNewThread {
            typealias Trace = @convention(c) (Int32, pid_t, CLong, CLong) -> CLong
            guard let symbol = dlsym(nil, "ptrace") else { return }
            let trace = unsafeBitCast(symbol, to: Trace.self)
            // PTRACE_SEIZE, PTRACE_INTERRUPT; the end of the thread lets it go.
            guard trace(0x4206, pid, 0, 0) == 0 else { return }
            _ = trace(0x4207, pid, 0, 0)
            usleep(milliseconds * 1000)
        }
    }
}
