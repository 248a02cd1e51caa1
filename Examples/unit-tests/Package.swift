// swift-tools-version: 6.2
// Unit tests that run untrusted programs where there is no Docker.
import PackageDescription

let package = Package(
    name: "unit-tests",
    dependencies: [.package(name: "swift-sandbox", path: "../..", traits: [])],
    targets: [
        .target(name: "Grader", dependencies: [.product(name: "SandboxAPI", package: "swift-sandbox")]),
        .testTarget(
            name: "GraderTests",
            dependencies: ["Grader", .product(name: "SandboxTesting", package: "swift-sandbox")]),
    ],
    swiftLanguageModes: [.v6])
