// swift-tools-version: 6.2
// Containers where a Docker Engine answers, else the local backend: needs the trait `Docker`.
import PackageDescription

let package = Package(
    name: "docker-fallback",
    dependencies: [.package(name: "swift-sandbox", path: "../..", traits: ["Docker"])],
    targets: [
        .executableTarget(
            name: "docker-fallback",
            dependencies: [
                .product(name: "Sandbox", package: "swift-sandbox"),
                .product(name: "SandboxDocker", package: "swift-sandbox"),
                .product(name: "SandboxFallback", package: "swift-sandbox"),
            ])
    ],
    swiftLanguageModes: [.v6])
