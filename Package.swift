// swift-tools-version: 6.2
// The package's targets. The isolation core is C (CIsolate); all else is Swift 6.
import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// For the library: async functions stay on their caller's executor, which spares a hop of some µs on each call.
let librarySettings = swiftSettings + [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]

/// A library of the system, found by pkg-config. Where it is missing SwiftPM says which package has it.
func systemLibrary(_ name: String, _ pkgConfig: String, apt: String, yum: String) -> Target {
    .systemLibrary(
        name: name, path: "Sources/SystemLibraries/\(name)", pkgConfig: pkgConfig,
        providers: [.apt([apt]), .yum([yum])])
}

/// Descriptions of languages, which become a part of the library: nothing is looked for at run time.
let languages = [
    "bash",
    "c",
    "c-clang",
    "cpp",
    "cpp-clang",
    "csharp",
    "go",
    "haskell",
    "java",
    "javascript",
    "kotlin",
    "lua",
    "ocaml",
    "pascal",
    "perl",
    "php",
    "pypy",
    "python",
    "ruby",
    "rust",
    "sql",
    "swift",
    "typescript",
]

let package = Package(
    name: "swift-sandbox",
    products: [
        .library(name: "Sandbox", targets: ["Sandbox"]),
        .library(name: "SandboxAPI", targets: ["SandboxAPI"]),
        .library(name: "SandboxRuntime", targets: ["SandboxRuntime"]),
        .library(name: "Runners", targets: ["Runners"]),
        .library(name: "CIsolate", targets: ["CIsolate"]),
        .library(name: "SandboxDocker", targets: ["SandboxDocker"]),
        .library(name: "SandboxFallback", targets: ["SandboxFallback"]),
        .library(name: "SandboxTesting", targets: ["SandboxTesting"]),
        .library(name: "SandboxJudge", targets: ["SandboxJudge"]),
        .executable(name: "sandbox", targets: ["SandboxCLI"]),
    ],
    traits: [
        .trait(name: "CLI", description: "The `sandbox` command; needs swift-argument-parser."),
        .trait(
            name: "Docker", description: "The Docker backend; needs SwiftNIO and swift-log.",
            enabledTraits: ["Fallback"]),
        .trait(
            name: "Fallback",
            description: "Two backends as one, and metrics of pools; needs swift-log and swift-metrics."),
        .trait(
            name: "Languages", description: "Languages described by YAML files; needs Yams."),
        .trait(
            name: "Judge", description: "The judge kit: batches of tests, checkers, problem packages.",
            enabledTraits: ["Languages"]),
        .default(enabledTraits: ["CLI", "Docker"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .target(
            name: "CIsolate",
            exclude: ["library", "supervisor"],
            cSettings: [
                .define("_GNU_SOURCE"),
                .treatAllWarnings(as: .error),
                .enableWarning("all"),
                .enableWarning("extra"),
            ],
            linkerSettings: [.linkedLibrary(":libseccomp.a"), .linkedLibrary(":libcap.a")]),
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
        systemLibrary("CSeccomp", "libseccomp", apt: "libseccomp-dev", yum: "libseccomp-devel"),
        systemLibrary("CCap", "libcap", apt: "libcap-dev", yum: "libcap-devel"),
        systemLibrary("CZlib", "zlib", apt: "zlib1g-dev", yum: "zlib-devel"),
        systemLibrary("CZstd", "libzstd", apt: "libzstd-dev", yum: "libzstd-devel"),
        systemLibrary("CNettle", "nettle", apt: "nettle-dev", yum: "nettle-devel"),
        // The plugin, not CIsolate and CArchive, depends on them: see Lookup/main.c.
        .executableTarget(
            name: "SystemLibraries", dependencies: ["CSeccomp", "CCap", "CZlib", "CZstd", "CNettle"],
            path: "Sources/SystemLibraries/Lookup"),
        .plugin(name: "EmbedBinaries", capability: .buildTool(), dependencies: ["SystemLibraries"]),
        .target(name: "SandboxAPI", swiftSettings: librarySettings),
        .target(
            name: "SandboxRuntime",
            dependencies: ["CIsolate", "SandboxAPI"],
            swiftSettings: librarySettings,
            plugins: ["EmbedBinaries"]),
        .target(
            name: "SandboxImages",
            dependencies: ["CArchive", "SandboxAPI", "SandboxRuntime"],
            swiftSettings: librarySettings),
        .target(
            name: "Sandbox",
            dependencies: ["CIsolate", "SandboxAPI", "SandboxImages", "SandboxRuntime"],
            swiftSettings: librarySettings),
        .target(
            name: "SandboxFallback",
            dependencies: [
                "SandboxAPI", "SandboxRuntime",
                .product(name: "Logging", package: "swift-log", condition: .when(traits: ["Fallback"])),
                .product(name: "Metrics", package: "swift-metrics", condition: .when(traits: ["Fallback"])),
            ],
            swiftSettings: librarySettings),
        .target(
            name: "SandboxDocker",
            dependencies: [
                "CIsolate", "SandboxAPI", "SandboxImages", "SandboxRuntime",
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Docker"])),
                .product(name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["Docker"])),
                .product(name: "NIOHTTP1", package: "swift-nio", condition: .when(traits: ["Docker"])),
                .product(name: "NIOTLS", package: "swift-nio", condition: .when(traits: ["Docker"])),
                .product(name: "NIOSSL", package: "swift-nio-ssl", condition: .when(traits: ["Docker"])),
                .product(name: "Logging", package: "swift-log", condition: .when(traits: ["Docker"])),
            ],
            swiftSettings: librarySettings),
        .target(
            name: "Runners",
            dependencies: [
                "CArchive", "SandboxAPI", "SandboxRuntime",
                .product(name: "Yams", package: "Yams", condition: .when(traits: ["Languages"])),
            ],
            resources: languages.map { .embedInCode("Languages/\($0).yaml") } + [
                .embedInCode("Python/Warm/sitecustomize.py")
            ],
            swiftSettings: librarySettings,
            plugins: ["EmbedBinaries"]),
        .target(
            name: "SandboxJudge",
            dependencies: [
                "SandboxAPI", "SandboxRuntime", "Runners",
                .product(name: "Yams", package: "Yams", condition: .when(traits: ["Judge"])),
            ],
            swiftSettings: librarySettings),
        .target(
            name: "SandboxTesting", dependencies: ["Sandbox", "SandboxAPI", "SandboxRuntime"],
            swiftSettings: librarySettings),
        .executableTarget(
            name: "SandboxCLI",
            dependencies: [
                "Sandbox", "SandboxAPI", "SandboxRuntime", "Runners", "CIsolate",
                .target(name: "SandboxDocker", condition: .when(traits: ["Docker"])),
                .target(name: "SandboxFallback", condition: .when(traits: ["Docker"])),
                .target(name: "SandboxJudge", condition: .when(traits: ["Judge"])),
                .product(
                    name: "ArgumentParser", package: "swift-argument-parser",
                    condition: .when(traits: ["CLI"])),
            ],
            path: "Sources/sandbox-cli",
            swiftSettings: swiftSettings),
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: swiftSettings),
        .testTarget(
            name: "SandboxAPITests", dependencies: ["SandboxAPI", "TestSupport"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "SandboxRuntimeTests",
            dependencies: ["CIsolate", "SandboxAPI", "SandboxRuntime", "TestSupport"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "SandboxTests", dependencies: ["Sandbox", "SandboxRuntime", "CIsolate", "TestSupport"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "SandboxImagesTests",
            dependencies: ["CArchive", "Sandbox", "SandboxImages", "SandboxRuntime", "TestSupport"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "ConformanceTests",
            dependencies: ["Sandbox", "SandboxDocker", "SandboxFallback", "SandboxRuntime", "Runners"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "DockerTests",
            dependencies: [
                "CArchive", "Sandbox", "SandboxDocker", "SandboxFallback", "SandboxJudge", "SandboxRuntime",
                "SandboxTesting", "Runners", "TestSupport",
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Docker"])),
                .product(name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["Docker"])),
                .product(name: "NIOEmbedded", package: "swift-nio", condition: .when(traits: ["Docker"])),
                .product(name: "NIOHTTP1", package: "swift-nio", condition: .when(traits: ["Docker"])),
                .product(name: "NIOSSL", package: "swift-nio-ssl", condition: .when(traits: ["Docker"])),
                .product(
                    name: "MetricsTestKit", package: "swift-metrics", condition: .when(traits: ["Docker"])),
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "RunnersTests",
            dependencies: ["CArchive", "Runners", "Sandbox", "SandboxTesting", "TestSupport"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "SandboxJudgeTests",
            dependencies: ["SandboxJudge", "Runners", "Sandbox", "SandboxTesting", "TestSupport"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "SandboxTestingTests", dependencies: ["Sandbox", "SandboxTesting"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "CommandLineTests",
            dependencies: [
                "SandboxCLI", "SandboxRuntime",
                .target(name: "SandboxDocker", condition: .when(traits: ["Docker"])),
                .target(name: "SandboxFallback", condition: .when(traits: ["Docker"])),
            ],
            swiftSettings: swiftSettings),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .gnu11
)
