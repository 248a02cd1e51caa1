// swift-tools-version: 6.2
// A judge that needs the local backend only: with `traits: []` neither NIO nor the argument parser is fetched.
import PackageDescription

let package = Package(
    name: "local-only",
    dependencies: [.package(name: "swift-sandbox", path: "../..", traits: [])],
    targets: [
        .executableTarget(
            name: "local-only",
            dependencies: [
                .product(name: "Sandbox", package: "swift-sandbox"),
                .product(name: "Runners", package: "swift-sandbox"),
            ])
    ],
    swiftLanguageModes: [.v6])
