import Foundation

/// The files of the project, as the tests find them beside themselves.
enum Repository {
    struct File: Sendable {
        /// Relative to the top of the project: `Sources/Bytes/ByteWriter.swift`.
        let path: String
        let text: String

        /// The target a source file belongs to: `Bytes`.
        var target: String { String(path.split(separator: "/").dropFirst().first ?? "") }
    }

    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appendingPathComponent(path).path)
    }

    /// The files below `folder` whose names end in one of `endings`, sorted. Hidden folders are passed over, for they hold what was built.
    static func files(below folder: String, endings: [String]) throws -> [File] {
        let top = root.appendingPathComponent(folder)
        guard let paths = FileManager.default.enumerator(atPath: top.path) else { throw CocoaError(.fileNoSuchFile) }
        return try paths.compactMap { $0 as? String }
            .filter { path in
                endings.contains { path.hasSuffix($0) } && !path.split(separator: "/").contains { $0.hasPrefix(".") }
            }
            .sorted()
            .map { File(path: folder + "/" + $0, text: try text(folder + "/" + $0)) }
    }
}
