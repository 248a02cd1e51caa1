/// Compiles the supervisor with the toolchain's own clang and turns its bytes into a Swift source.

import Foundation
import PackagePlugin

@main
struct EmbedSupervisor: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
        let core = context.package.directoryURL.appending(path: "Sources/CIsolate")
        let output = context.pluginWorkDirectoryURL.appending(path: "SupervisorImage.swift")
        let script = context.package.directoryURL.appending(path: "Plugins/EmbedSupervisor/embed.sh")
        let inputs = try ["supervisor", "include"].flatMap { folder in
            try FileManager.default.contentsOfDirectory(
                at: core.appending(path: folder), includingPropertiesForKeys: nil)
        }
        return [
            .buildCommand(
                displayName: "Building the supervisor", executable: URL(filePath: "/bin/sh"),
                arguments: [script.path, try context.tool(named: "clang").url.path, core.path, output.path],
                inputFiles: inputs + [script], outputFiles: [output])
        ]
    }
}
