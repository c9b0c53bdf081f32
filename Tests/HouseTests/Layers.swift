/// The layers of the house, and who may import what (docs/ARCHITECTURE.md).
struct Layers {
    /// From the bottom up. A target may use its own layer and those below; the order within a layer is SwiftPM's, which refuses cycles.
    static let all: [(name: String, targets: Set<String>)] = [
        ("C", ["CLibUV", "COpenSSL", "CSQLite", "CZlib"]),
        ("bytes", ["Bytes"]),
        ("protocol", ["ChatProtocol", "WebSocket", "JSON"]),
        ("pure", ["ChatDialects", "ChatCore", "SASL"]),
        ("adapters", ["LibUV", "TLS", "Deflate", "Transport", "ChatStore", "Credentials"]),
        ("composition", ["ChatConfiguration", "ChatServer", "ChatClient", "LoadGenerator"]),
        ("programs", ["broker", "broker-cli", "broker-load", "store-trial"]),
    ]

    static let pure: Set<String> = ["Bytes", "ChatProtocol", "WebSocket", "JSON", "ChatDialects", "ChatCore", "SASL"]
    static let adapters: Set<String> = ["LibUV", "TLS", "Deflate", "Transport", "ChatStore", "Credentials"]

    /// What pure targets must not know: files, clocks, threads. `Synchronization` is part of the language.
    static let system: Set<String> = ["Foundation", "FoundationEssentials", "FoundationNetworking", "Glibc", "Musl", "Darwin", "Dispatch"]
    /// What would bring a second event loop, or its weight, into the adapters.
    static let foundation: Set<String> = ["Foundation", "FoundationEssentials", "FoundationNetworking", "Dispatch"]
    /// Modules that few targets hide from the others.
    static let hidden: [String: [String]] = [
        "CLibUV": ["LibUV"], "COpenSSL": ["TLS", "Credentials"], "CSQLite": ["ChatStore"], "CZlib": ["Deflate"],
        "TOMLKit": ["ChatConfiguration"],
    ]

    static func rank(of target: String) -> Int? {
        all.firstIndex { $0.targets.contains(target) }
    }

    /// What is wrong with the imports of one source file. Empty if nothing is.
    static func violations(in file: Repository.File, manifest: Manifest) -> [String] {
        let imports = SwiftText(file.text).imports
        var violations: [String] = []
        for module in imports {
            if pure.contains(file.target), system.contains(module) {
                violations.append("\(file.path) is pure, and imports \(module)")
            }
            if adapters.contains(file.target), foundation.contains(module) {
                violations.append("\(file.path) is an adapter, and imports \(module)")
            }
            if let owners = hidden[module], !owners.contains(file.target) {
                violations.append("\(file.path) imports \(module), which only \(owners.joined(separator: " and ")) may")
            }
            let isOurs = manifest.dependencies[module] != nil || rank(of: module) != nil || hidden[module] != nil
            if isOurs, module != file.target, manifest.dependencies[file.target]?.contains(module) != true {
                violations.append("\(file.path) imports \(module), which Package.swift does not name as a dependency of \(file.target)")
            }
        }
        return violations
    }

    /// What is wrong with the graph itself: a dependency that points upwards, on a program, or on a target that has no layer.
    static func violations(in manifest: Manifest) -> [String] {
        var violations: [String] = []
        for (target, dependencies) in manifest.dependencies.sorted(by: { $0.key < $1.key }) where !target.hasSuffix("Tests") {
            guard let own = rank(of: target) else {
                violations.append("\(target) has no layer")
                continue
            }
            for dependency in dependencies.sorted() {
                if manifest.programs.contains(dependency) { violations.append("\(target) depends on the program \(dependency)") }
                if let other = rank(of: dependency), other > own {
                    violations.append("\(target) depends on \(dependency), which is above it")
                }
            }
        }
        return violations
    }
}
