// swift-tools-version: 6.2
// The benchmarks: a separate package, so that the library's users never build them.
import PackageDescription

let package = Package(
    name: "sandbox-benchmarks",
    dependencies: [.package(name: "swift-sandbox", path: "..", traits: ["Docker", "Judge"])],
    targets: [
        .target(
            name: "CBare",
            cSettings: [
                .define("_GNU_SOURCE"),
                .treatAllWarnings(as: .error),
                .enableWarning("all"),
                .enableWarning("extra"),
            ]),
        .executableTarget(
            name: "sandbox-benchmarks",
            dependencies: [
                "CBare", .product(name: "Sandbox", package: "swift-sandbox"),
                .product(name: "SandboxDocker", package: "swift-sandbox"),
                .product(name: "Runners", package: "swift-sandbox"),
                .product(name: "SandboxJudge", package: "swift-sandbox"),
                .product(name: "SandboxRuntime", package: "swift-sandbox"),
            ],
            swiftSettings: [.treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny")]),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .gnu11
)
