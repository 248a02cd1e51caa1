/// Builds image archives: OCI layouts, and the output of `docker save`.

@testable import SandboxImages

/// The files of an image archive, in the order in which they are added.
struct ImageBuilder {
    var files: [(name: String, bytes: [UInt8])] = []

    static let ownArchitecture = ImageDocuments.ownArchitecture

    static func hex(_ bytes: [UInt8]) throws -> String {
        String(try SHA256.digest(of: bytes).dropFirst("sha256:".count))
    }

    /// Adds a blob of an OCI layout and returns its descriptor.
    mutating func blob(_ bytes: [UInt8], type: String, more: String = "") throws -> String {
        let hex = try Self.hex(bytes)
        files.append(("blobs/sha256/\(hex)", bytes))
        return #"{"mediaType":"\#(type)","digest":"sha256:\#(hex)","size":\#(bytes.count)\#(more)}"#
    }

    static func config(_ diffIDs: [String], architecture: String = ownArchitecture, env: [String] = [])
        -> [UInt8]
    {
        let ids = diffIDs.map { "\"\($0)\"" }.joined(separator: ",")
        let env = env.map { "\"\($0)\"" }.joined(separator: ",")
        return Array(
            #"{"architecture":"\#(architecture)","os":"linux","config":{"Env":[\#(env)]},"rootfs":{"type":"layers","diff_ids":[\#(ids)]}}"#
                .utf8)
    }

    /// Adds an image and returns its manifest's descriptor.
    mutating func image(
        _ layers: [[UInt8]], architecture: String = ownArchitecture, env: [String] = [], more: String = ""
    ) throws -> String {
        let config = try blob(
            Self.config([], architecture: architecture, env: env),
            type: "application/vnd.oci.image.config.v1+json")
        var list: [String] = []
        for layer in layers { list.append(try blob(layer, type: "application/vnd.oci.image.layer.v1.tar")) }
        let manifest = #"{"schemaVersion":2,"config":\#(config),"layers":[\#(list.joined(separator: ","))]}"#
        return try blob(
            Array(manifest.utf8), type: "application/vnd.oci.image.manifest.v1+json", more: more)
    }

    static func index(_ manifests: [String]) -> [UInt8] {
        Array(#"{"schemaVersion":2,"manifests":[\#(manifests.joined(separator: ","))]}"#.utf8)
    }

    static func platform(_ architecture: String) -> String {
        #","platform":{"architecture":"\#(architecture)","os":"linux"}"#
    }

    /// Adds the files that make an OCI layout.
    mutating func layout(_ manifests: [String]) {
        files.append(("index.json", Self.index(manifests)))
        files.append(("oci-layout", Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8)))
    }

    /// Adds the files that `docker save` of the Engine before version 25 writes.
    mutating func dockerSave(_ layers: [[UInt8]], env: [String] = []) throws {
        let ids = try layers.map { "sha256:" + (try Self.hex($0)) }
        let config = Self.config(ids, env: env)
        let name = try Self.hex(config) + ".json"
        files.append((name, config))
        var names: [String] = []
        for (number, layer) in layers.enumerated() {
            let id = String(repeating: String(number, radix: 16), count: 64)
            names.append("\"\(id)/layer.tar\"")
            files.append(("\(id)/layer.tar", layer))
        }
        let manifest =
            #"[{"Config":"\#(name)","RepoTags":["image:latest"],"Layers":[\#(names.joined(separator: ","))]}]"#
        files.append(("manifest.json", Array(manifest.utf8)))
    }

    var archive: [UInt8] {
        TarBuilder.make { tar in
            for file in files { tar.entry(Array(file.name.utf8), type: "0", data: file.bytes) }
        }
    }
}
