// swift-tools-version: 6.2
import PackageDescription

// The micro-benchmarks: parts of a message's path, measured without sockets. A package of its own, so that nobody who builds the broker
// builds them. The Makefile passes the compiler the broker's own flag, which a package does not hand on to those that use it.

let package = Package(
    name: "broker-benchmarks",
    dependencies: [.package(name: "chat-broker", path: "..")],
    targets: [
        .executableTarget(
            name: "micro",
            dependencies: [.product(name: "BrokerParts", package: "chat-broker")],
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .treatAllWarnings(as: .error),
            ])
    ],
    swiftLanguageModes: [.v6]
)
