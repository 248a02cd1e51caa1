/// The parts of an image archive's JSON documents that are used. Pure.

import FoundationEssentials
import SandboxAPI
import SandboxRuntime

/// The documents of OCI image layouts and of `docker save`; unknown members are ignored.
enum ImageDocuments {
    struct Platform: Decodable {
        var architecture: String?
        var os: String?
    }

    /// The description of a blob in an index or a manifest.
    struct Descriptor: Decodable {
        var mediaType: String?
        var digest: String
        var size: Int?
        var platform: Platform?
        var annotations: [String: String]?

        private static let indexTypes = [
            "application/vnd.oci.image.index.v1+json",
            "application/vnd.docker.distribution.manifest.list.v2+json",
        ]

        var isIndex: Bool { mediaType.map(Self.indexTypes.contains) ?? false }

        /// Whether this describes another manifest, as BuildKit's attestations do, and no image.
        var isAttestation: Bool {
            annotations?["vnd.docker.reference.type"] != nil || platform?.architecture == "unknown"
        }

        var name: String {
            annotations?["io.containerd.image.name"] ?? annotations?["org.opencontainers.image.ref.name"]
                ?? digest
        }
    }

    /// `index.json`, and any index below it.
    struct Index: Decodable { var manifests: [Descriptor] }

    struct Manifest: Decodable {
        var config: Descriptor
        var layers: [Descriptor]
    }

    /// One image of `docker save`'s own `manifest.json`.
    struct DockerManifest: Decodable {
        var config: String
        var repoTags: [String]?
        var layers: [String]

        private enum CodingKeys: String, CodingKey {
            case config = "Config"
            case repoTags = "RepoTags"
            case layers = "Layers"
        }
    }

    /// An image's configuration.
    struct Config: Decodable {
        struct Process: Decodable {
            var environment: [String]?

            private enum CodingKeys: String, CodingKey { case environment = "Env" }
        }

        struct RootFS: Decodable {
            /// Digests of the decompressed layers.
            var diffIDs: [String]?

            private enum CodingKeys: String, CodingKey { case diffIDs = "diff_ids" }
        }

        var architecture: String?
        var os: String?
        var config: Process?
        var rootfs: RootFS?

        var environment: [String: String] { ImageEnvironment.parse(config?.environment ?? []) }
    }

    static func decode<Document: Decodable>(
        _ type: Document.Type, from bytes: [UInt8], name: [UInt8]
    ) throws(ImageFailure) -> Document {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw ImageFailure(
                "the document is not what it should be", entry: name,
                hint: "make the archive anew with docker save, or as an OCI image layout")
        }
    }

    /// This machine's architecture by its OCI name.
    static var ownArchitecture: String {
        #if arch(x86_64)
        "amd64"
        #elseif arch(arm64)
        "arm64"
        #else
        "unknown"
        #endif
    }
}
