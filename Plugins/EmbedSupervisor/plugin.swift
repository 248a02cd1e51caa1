/// Compiles the supervisor with the toolchain's own clang and turns its bytes into a Swift source.

import Foundation
import PackagePlugin

@main
struct EmbedSupervisor: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
        let core = context.package.directoryURL.appending(path: "Sources/CIsolate")
        let output = context.pluginWorkDirectoryURL.appending(path: "SupervisorImage.swift")
        let script = context.package.directoryURL.appending(path: "Plugins/EmbedSupervisor/embed.sh")
        let inputs = try ["supervisor", "include"].flatMap { try files(below: core.appending(path: $0)) }
        return [
            .buildCommand(
                displayName: "Building the supervisor", executable: URL(filePath: "/bin/sh"),
                arguments: [script.path, try context.tool(named: "clang").url.path, core.path, output.path],
                inputFiles: inputs + [script], outputFiles: [output])
        ]
    }

    /// The source files of all folders below, so that the build compiles the supervisor again when any of them changes.
    private func files(below folder: URL) throws -> [URL] {
        try FileManager.default.subpathsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".c") || $0.hasSuffix(".h") }
            .sorted()
            .map { folder.appending(path: $0) }
    }
}
