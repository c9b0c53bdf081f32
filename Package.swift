// swift-tools-version: 6.2
import PackageDescription

// The dependency graph below is the architecture (docs/ARCHITECTURE.md): an arrow only ever points down, from programs over
// composition and adapters to the pure targets, `Bytes` and the C libraries. Tests/HouseTests keeps it true.

let house: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
    // Measured (docs/DECISIONS.md); what is built for tests checks exclusive access as it runs.
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let histogram: Target.Dependency = .product(name: "Histogram", package: "hdrhistogram-swift")
let toml: Target.Dependency = .product(name: "TOMLKit", package: "TOMLKit")

/// The web client is part of the program: the build makes its files octets in the source.
let webClient = ["WebClient/Public"]

/// A library of this house.
func room(_ name: String, _ dependencies: Target.Dependency..., embedding files: [String] = []) -> Target {
    .target(name: name, dependencies: dependencies, resources: files.map { .embedInCode($0) }, swiftSettings: house)
}

/// A program of this house.
func program(_ name: String, _ dependencies: Target.Dependency...) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: house)
}

/// The tests of a room of this house.
func tests(_ name: String, _ dependencies: Target.Dependency...) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: house)
}

let package = Package(
    name: "chat-broker",
    products: [
        .executable(name: "broker", targets: ["broker"]),
        .executable(name: "broker-cli", targets: ["broker-cli"]),
        .executable(name: "broker-load", targets: ["broker-load"]),
        // For Benchmarks, which is a package of its own.
        .library(name: "BrokerParts", targets: ["Bytes", "ChatProtocol", "ChatDialects", "ChatCore", "LibUV", "TLS"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
    ],
    targets: [
        // C libraries
        .systemLibrary(
            name: "CLibUV", path: "CLibUV", pkgConfig: "libuv", providers: [.apt(["libuv1-dev"]), .brew(["libuv"])]),
        .systemLibrary(
            name: "COpenSSL", path: "Sources/COpenSSL", pkgConfig: "openssl",
            providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]),
        .systemLibrary(
            name: "CSQLite", path: "Sources/CSQLite", pkgConfig: "sqlite3",
            providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite"])]),
        .systemLibrary(
            name: "CZlib", path: "Sources/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),

        // Pure: no I/O, no clock, no randomness of their own
        room("Bytes"),
        room("ChatProtocol", "Bytes"),
        room("JSON", "Bytes"),
        room("SASL", "Bytes", "JSON"),
        room("WebSocket", "Bytes"),
        room("ChatDialects", "Bytes", "ChatProtocol", "JSON", "WebSocket"),
        room("ChatCore", "Bytes", "ChatProtocol", "ChatDialects"),

        // Adapters
        room("LibUV", "Bytes", "CLibUV"),
        room("TLS", "Bytes", "COpenSSL"),
        room("Deflate", "Bytes", "CZlib"),
        room("Transport", "Bytes", "LibUV", "TLS"),
        room("Credentials", "Bytes", "JSON", "SASL", "COpenSSL"),
        room("ChatStore", "Bytes", "ChatProtocol", "ChatCore", "CSQLite"),

        // Composition
        room("ChatConfiguration", toml),
        room(
            "ChatServer", "Bytes", "ChatProtocol", "ChatDialects", "ChatCore", "WebSocket", "Deflate", "LibUV", "TLS",
            "Transport", "Credentials", "SASL", "ChatStore", "ChatConfiguration", logging, embedding: webClient),
        room("ChatClient", "Bytes", "ChatProtocol", "ChatCore", "LibUV", "TLS", "Transport", "Credentials", "SASL"),

        room("LoadGenerator", "Bytes", "ChatProtocol", "LibUV", "TLS", "Transport", histogram),

        // Programs
        program(
            "broker", "ChatServer", "ChatConfiguration", "ChatProtocol", "ChatStore", "Credentials", "LibUV", "SASL", argumentParser),
        program(
            "broker-cli", "ChatClient", "ChatCore", "ChatProtocol", "Bytes", "LibUV", "TLS", "Transport", "Credentials", "SASL",
            argumentParser),
        program("broker-load", "LoadGenerator", argumentParser),
        program("store-trial", "ChatStore", "ChatCore", "ChatProtocol", "LibUV", "Bytes"),

        // Tests mirror the rooms
        tests("BytesTests", "Bytes"),
        tests("JSONTests", "JSON", "Bytes"),
        tests("ChatProtocolTests", "ChatProtocol", "Bytes"),
        tests("WebSocketTests", "WebSocket", "Bytes"),
        tests("ChatDialectsTests", "ChatDialects", "ChatProtocol", "WebSocket", "Bytes"),
        tests("ChatCoreTests", "ChatCore", "ChatDialects", "ChatProtocol", "Bytes"),
        tests("CredentialsTests", "Credentials", "SASL", "Bytes"),
        tests("LibUVTests", "LibUV", "Bytes"),
        tests("TLSTests", "TLS", "Bytes"),
        tests("DeflateTests", "Deflate", "Bytes"),
        tests("TransportTests", "Transport", "TLS", "LibUV", "Bytes"),
        tests("ChatStoreTests", "store-trial", "ChatStore", "ChatCore", "ChatProtocol", "Bytes", "CSQLite"),
        tests("ChatConfigurationTests", "ChatConfiguration"),
        tests(
            "ChatServerTests", "ChatServer", "ChatConfiguration", "ChatProtocol", "ChatCore", "ChatStore", "Credentials", "SASL", "Deflate",
            "Bytes", "LibUV", "TLS", "Transport", logging),
        tests("ChatClientTests", "broker-cli", "ChatClient", "ChatCore", "ChatProtocol", "Bytes", "LibUV", "TLS", "Transport"),
        tests("LoadGeneratorTests", "LoadGenerator", "ChatProtocol", "Bytes", "LibUV", "TLS", "Transport", histogram),
        tests("HouseTests"),
        tests("ProgramTests", "ChatProtocol", "Bytes"),
    ],
    swiftLanguageModes: [.v6]
)
