// swift-tools-version: 6.2
// An interactive problem: a submission and an interactor that talk to each other.
import PackageDescription

let package = Package(
    name: "interactive",
    dependencies: [.package(name: "swift-sandbox", path: "../..", traits: ["Judge"])],
    targets: [
        .executableTarget(
            name: "interactive",
            dependencies: [
                .product(name: "Sandbox", package: "swift-sandbox"),
                .product(name: "SandboxJudge", package: "swift-sandbox"),
                .product(name: "Runners", package: "swift-sandbox"),
            ])
    ],
    swiftLanguageModes: [.v6])
