// swift-tools-version: 6.2
// A judge over a directory of problems: needs the trait `Judge`.
import PackageDescription

let package = Package(
    name: "judge",
    dependencies: [.package(name: "swift-sandbox", path: "../..", traits: ["Judge"])],
    targets: [
        .executableTarget(
            name: "judge",
            dependencies: [
                .product(name: "Sandbox", package: "swift-sandbox"),
                .product(name: "SandboxJudge", package: "swift-sandbox"),
                .product(name: "Runners", package: "swift-sandbox"),
            ])
    ],
    swiftLanguageModes: [.v6])
