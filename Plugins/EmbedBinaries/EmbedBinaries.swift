/// Compiles what runs outside the embedder's process, with the toolchain's own clang and without a libc, and turns its
/// bytes into a Swift source: the supervisor, and the library that writes snapshots of interpreters.

import Foundation
import PackagePlugin

@main
struct EmbedBinaries: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
        let sources = context.package.directoryURL.appending(path: "Sources")
        let script = context.package.directoryURL.appending(path: "Plugins/EmbedBinaries/embed.sh")
        let isSupervisor = target.name == "SandboxRuntime"
        let name = isSupervisor ? "SupervisorImage" : "SnapshotLibrary"
        let folders = ["CIsolate/supervisor", "CIsolate/include"] + (isSupervisor ? [] : ["CSnapshot"])
        let output = context.pluginWorkDirectoryURL.appending(path: "\(name).swift")
        return [
            .buildCommand(
                displayName: "Building \(name)", executable: URL(filePath: "/bin/sh"),
                arguments: [
                    script.path, name, try context.tool(named: "clang").url.path, sources.path, output.path,
                ],
                inputFiles: try folders.flatMap { try files(below: sources.appending(path: $0)) } + [script],
                outputFiles: [output])
        ]
    }

    /// The source files of all folders below, so that the build compiles again when any of them changes.
    private func files(below folder: URL) throws -> [URL] {
        try FileManager.default.subpathsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".c") || $0.hasSuffix(".h") }
            .sorted()
            .map { folder.appending(path: $0) }
    }
}
