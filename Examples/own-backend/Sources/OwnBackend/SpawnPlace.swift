/// The place of a sandbox: a directory, and the programs that start in it. Files.swift has its files.
import CSpawn
import Foundation
import SandboxAPI
import SandboxRuntime

struct SpawnPlace: SandboxPlace {
    let backend: SpawnBackend
    let lease: PoolLease<WorkDirectory>
    let rootfs = Rootfs.readOnly

    var work: ByteString { lease.member.path }

    func requestLeft() { backend.pool.replenish() }

    func giveBack() { backend.takeBack(lease) }

    func start(
        _ request: PlacedRequest, onEnd: @escaping @Sendable () -> Void
    ) async throws(SandboxError) -> any RunUnderWay {
        let wakeup = Wakeup()
        let input = try Input(request.stdin, waking: wakeup)
        defer { close(input.descriptor) }
        do throws(SandboxError) {
            let program = try start(request, input: input.descriptor)
            let run = SpawnedRun(program, request, input: input.pump, wakeup: wakeup, onEnd: onEnd)
            run.begin()
            return run
        } catch {
            input.pump?.end()
            throw error
        }
    }

    private func start(_ request: PlacedRequest, input: Int32) throws(SandboxError) -> cspawn_program {
        let strings = request.strings
        let directory = strings.directory
        guard access(ByteString(directory.bytes + Array("/.".utf8)).cString, F_OK) == 0 else {
            throw CommandErrors.directory(errno: errno, of: request.command)
        }
        guard let path = Self.path(of: strings) else {
            throw CommandErrors.executable(errno: ENOENT, of: request.command)
        }
        var arguments = strings.arguments.map { strdup($0.cString) } + [nil]
        var variables = strings.variables.map { strdup($0.cString) } + [nil]
        defer { for text in arguments + variables { free(text) } }
        var program = cspawn_program()
        // A fork of another thread may hold a new file open for writing until it executes its own program.
        for _ in 0..<100 {
            if cspawn_start(
                &program, path.cString, &arguments, &variables, directory.cString, input) == 0
            {
                return program
            }
            if errno != ETXTBSY { break }
            usleep(1000)
        }
        let number = errno
        switch number {
        case EAGAIN, ENOMEM, EMFILE, ENFILE:
            throw .cannotMake("a process", number)
        case ENOENT where access(Self.absolute(path, in: directory).cString, F_OK) == 0:
            // The script is there; its interpreter is not.
            throw CommandErrors.executable(errno: ELIBACC, of: request.command)
        default:
            throw CommandErrors.executable(errno: number, of: request.command)
        }
    }

    private static func absolute(_ path: ByteString, in directory: ByteString) -> ByteString {
        path.bytes.first == slash ? path : ByteString(directory.bytes + [slash] + path.bytes)
    }

    /// A name without a slash is found in the program's own `PATH`.
    private static func path(of strings: Validation.Strings) -> ByteString? {
        let name = strings.executable
        if name.bytes.contains(slash) { return name }
        let variable = strings.variables.first { $0.bytes.starts(with: "PATH=".utf8) }
        let folders = variable?.bytes.dropFirst(5).split(separator: UInt8(ascii: ":")) ?? []
        return folders.map { ByteString(Array($0) + [slash] + name.bytes) }.first {
            access(absolute($0, in: strings.directory).cString, F_OK) == 0
        }
    }
}

let slash = UInt8(ascii: "/")

extension ByteString {
    /// The bytes with a NUL behind them, for system calls.
    var cString: [CChar] { bytes.map { CChar(bitPattern: $0) } + [0] }
}
