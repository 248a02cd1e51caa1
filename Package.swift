// swift-tools-version: 6.2
// The package's targets. The isolation core is C (CIsolate); all else is Swift 6.
import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
]

/// For the library: async functions stay on their caller's executor, which spares a hop of some µs on each call.
let librarySettings = swiftSettings + [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]

let package = Package(
    name: "swift-sandbox",
    products: [
        .library(name: "Sandbox", targets: ["Sandbox"]),
        .library(name: "Runners", targets: ["Runners"]),
        .library(name: "CIsolate", targets: ["CIsolate"]),
        .executable(name: "sandbox", targets: ["SandboxCLI"]),
    ],
    traits: [
        .trait(name: "CLI", description: "The `sandbox` command; needs swift-argument-parser."),
        .trait(
            name: "Docker",
            description: "The Docker backend. It has no target yet, so the trait fetches nothing."),
        .default(enabledTraits: ["CLI", "Docker"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        .target(
            name: "CIsolate",
            exclude: ["supervisor"],
            cSettings: [
                .define("_GNU_SOURCE"),
                .treatAllWarnings(as: .error),
                .enableWarning("all"),
                .enableWarning("extra"),
            ],
            linkerSettings: [.linkedLibrary(":libseccomp.a")]),
        .target(
            name: "CArchive",
            cSettings: [
                .define("_GNU_SOURCE"),
                .treatAllWarnings(as: .error),
                .enableWarning("all"),
                .enableWarning("extra"),
            ],
            linkerSettings: [
                .linkedLibrary(":libz.a"), .linkedLibrary(":libzstd.a"), .linkedLibrary(":libnettle.a"),
            ]),
        .plugin(name: "EmbedSupervisor", capability: .buildTool()),
        .target(
            name: "Sandbox",
            dependencies: ["CArchive", "CIsolate"],
            swiftSettings: librarySettings,
            plugins: ["EmbedSupervisor"]),
        .target(name: "Runners", dependencies: ["Sandbox"], swiftSettings: librarySettings),
        .executableTarget(
            name: "SandboxCLI",
            dependencies: [
                "Sandbox", "Runners", "CIsolate",
                .product(
                    name: "ArgumentParser", package: "swift-argument-parser",
                    condition: .when(traits: ["CLI"])),
            ],
            path: "Sources/sandbox-cli",
            swiftSettings: swiftSettings),
        .testTarget(name: "PoolTests", dependencies: ["Sandbox"], swiftSettings: swiftSettings),
        .testTarget(
            name: "SandboxTests", dependencies: ["Sandbox", "CIsolate"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "ImageTests", dependencies: ["Sandbox"], swiftSettings: swiftSettings),
        .testTarget(
            name: "ConformanceTests", dependencies: ["Sandbox", "Runners"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "RunnersTests", dependencies: ["Runners"], swiftSettings: swiftSettings),
        .testTarget(
            name: "CommandLineTests", dependencies: ["SandboxCLI"], swiftSettings: swiftSettings),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .gnu11
)
