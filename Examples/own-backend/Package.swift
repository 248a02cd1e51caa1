// swift-tools-version: 6.2
// A backend in a package of its own. It needs SandboxRuntime, and SandboxTesting for its tests.
import PackageDescription

let package = Package(
    name: "own-backend",
    products: [.library(name: "OwnBackend", targets: ["OwnBackend"])],
    dependencies: [.package(name: "swift-sandbox", path: "../..", traits: [])],
    targets: [
        .target(name: "CSpawn"),
        .target(
            name: "OwnBackend",
            dependencies: [
                "CSpawn",
                .product(name: "SandboxAPI", package: "swift-sandbox"),
                .product(name: "SandboxRuntime", package: "swift-sandbox"),
            ]),
        .testTarget(
            name: "OwnBackendTests",
            dependencies: ["OwnBackend", .product(name: "SandboxTesting", package: "swift-sandbox")]),
    ],
    swiftLanguageModes: [.v6])
