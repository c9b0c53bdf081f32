/// What `Package.swift` says about our targets.
struct Manifest {
    /// The dependencies of each target that holds Swift, by the target's name; products of other packages by the name of their module.
    private(set) var dependencies: [String: Set<String>] = [:]
    /// The programs.
    private(set) var programs: Set<String> = []

    /// Reads the declarations `room("Name", "Dependency", …)`, `program(…)` and `tests(…)`, and the constants that name products.
    init(_ text: String) {
        var products: [String: String] = [:]
        for match in text.matches(of: #/let (\w+): Target\.Dependency = \.product\(name: "(\w+)"/#) {
            products[String(match.1)] = String(match.2)
        }
        for match in text.matches(of: #/\n\s+(room|program|tests)\(([^)]*)\)/#) {
            let words = match.2.split(separator: ",").map { $0.trimming() }
            guard let name = words.first?.unquoted() else { continue }
            // What has a label is no dependency.
            dependencies[name] = Set(
                words.dropFirst().filter { !$0.isEmpty && !$0.contains(":") }.map { $0.unquoted() ?? products[$0] ?? $0 })
            if match.1 == "program" { programs.insert(name) }
        }
    }
}

extension StringProtocol {
    fileprivate func trimming() -> String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }

    fileprivate func unquoted() -> String? {
        guard count > 1, first == "\"", last == "\"" else { return nil }
        return String(dropFirst().dropLast())
    }
}
