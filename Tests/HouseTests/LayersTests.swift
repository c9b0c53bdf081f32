import Testing

@Suite struct LayersTests {
    private func manifest() throws -> Manifest { Manifest(try Repository.text("Package.swift")) }

    @Test func sourcesImportOnlyDownwards() throws {
        let manifest = try manifest()
        let files = try Repository.files(below: "Sources", endings: [".swift"])
        #expect(files.count >= Layers.all.count)
        #expect(files.flatMap { Layers.violations(in: $0, manifest: manifest) } == [])
    }

    @Test func thePackageDependsOnlyDownwards() throws {
        #expect(Layers.violations(in: try manifest()) == [])
    }

    /// Nothing is checked that the manifest does not name, so the reading of the manifest is itself checked.
    @Test func theManifestIsReadWhole() throws {
        let manifest = try manifest()
        let folders = Set(try Repository.files(below: "Sources", endings: [".swift"]).map(\.target))
        #expect(folders.isSubset(of: Set(manifest.dependencies.keys)))
        #expect(manifest.dependencies.keys.filter { $0.hasSuffix("Tests") }.count > Layers.all.count)
        #expect(manifest.dependencies["ChatConfiguration"] == ["TOMLKit"])
        #expect(manifest.dependencies["Transport"]?.isSuperset(of: ["Bytes", "LibUV", "TLS"]) == true)
        #expect(manifest.dependencies["broker"]?.contains("ArgumentParser") == true)
        #expect(manifest.programs == ["broker", "broker-cli", "broker-load", "store-trial"])
    }

    @Test(arguments: [
        ("Bytes", "import Foundation", "is pure, and imports Foundation"),
        ("ChatProtocol", "import FoundationEssentials", "is pure"),
        ("ChatDialects", "@preconcurrency import Glibc", "is pure, and imports Glibc"),
        ("ChatCore", "private import struct Dispatch.DispatchTime", "is pure, and imports Dispatch"),
        ("LibUV", "public import Foundation", "is an adapter"),
        ("Transport", "import CLibUV", "which only LibUV may"),
        ("ChatServer", "internal import COpenSSL", "which only TLS and Credentials may"),
        ("ChatServer", "import CSQLite", "which only ChatStore may"),
        ("broker", "import TOMLKit", "which only ChatConfiguration may"),
        ("Bytes", "import ChatProtocol", "which Package.swift does not name"),
        ("TLS", "import LibUV", "which Package.swift does not name"),
        ("ChatCore", "/* a */ import ChatServer // b", "which Package.swift does not name"),
    ])
    func aForbiddenImportIsFound(target: String, text: String, message: String) throws {
        let file = Repository.File(path: "Sources/\(target)/Example.swift", text: "// A file.\n\(text)\n")
        let found = Layers.violations(in: file, manifest: try manifest())
        #expect(found.contains { $0.contains(message) }, "\(found)")
    }

    @Test(arguments: [
        ("Bytes", "import Synchronization"), ("ChatProtocol", "public import Bytes"), ("LibUV", "import Glibc"), ("TLS", "import COpenSSL"),
        ("Bytes", "// import Foundation\nlet text = \"import Foundation\"\nlet more = \"\"\"\nimport Foundation\n\"\"\""),
    ])
    func anAllowedImportIsNot(target: String, text: String) throws {
        let file = Repository.File(path: "Sources/\(target)/Example.swift", text: text)
        #expect(Layers.violations(in: file, manifest: try manifest()) == [])
    }

    @Test(arguments: [
        ("room(\"Bytes\", \"ChatCore\"),", "Bytes depends on ChatCore, which is above it"),
        ("room(\n    \"ChatCore\", \"Bytes\",\n    \"Transport\"),", "ChatCore depends on Transport, which is above it"),
        ("program(\"broker\"),\n    room(\"Attic\", \"Bytes\"),", "Attic has no layer"),
        ("program(\"broker\"),\n    program(\"broker-cli\", \"broker\"),", "broker-cli depends on the program broker"),
    ])
    func aGraphThatPointsUpwardsIsFound(text: String, message: String) {
        #expect(Layers.violations(in: Manifest("targets: [\n    \(text)\n]")).contains(message))
    }
}
