// swift-tools-version: 6.2
// A runner for a language that the library has none for, on any backend.
import PackageDescription

let package = Package(
    name: "own-runner",
    dependencies: [.package(name: "swift-sandbox", path: "../..", traits: [])],
    targets: [
        .executableTarget(
            name: "own-runner",
            dependencies: [
                .product(name: "Sandbox", package: "swift-sandbox"),
                .product(name: "Runners", package: "swift-sandbox"),
            ])
    ],
    swiftLanguageModes: [.v6])
