import Foundation

/// Certificates made by `openssl` in a temporary folder, once for each run of the tests. They live for a few days and belong to nobody.
struct TestCertificates: Sendable {
    enum Key: Sendable, CaseIterable {
        case rsa
        case ecdsa
    }

    /// The names that the servers' certificates are for, besides 127.0.0.1 and ::1.
    static let serverName = "broker.test"

    let folder: String

    /// Signs the servers' certificates.
    var authority: String { folder + "/authority.pem" }
    /// Signs nothing that is used.
    var otherAuthority: String { folder + "/other-authority.pem" }
    /// Valid until yesterday; belongs to the ECDSA key.
    var expired: String { folder + "/expired.pem" }
    /// A key protected by a pass phrase.
    var encryptedKey: String { folder + "/encrypted.key" }
    /// Not PEM at all.
    var garbage: String { folder + "/garbage.pem" }

    func certificate(_ key: Key) -> String { folder + (key == .rsa ? "/rsa.pem" : "/ecdsa.pem") }
    func privateKey(_ key: Key) -> String { folder + (key == .rsa ? "/rsa.key" : "/ecdsa.key") }

    static let shared: TestCertificates = {
        do {
            return try TestCertificates()
        } catch {
            fatalError("the test's certificates cannot be made: \(error)")
        }
    }()

    private init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("broker-certificates-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        folder = url.path
        removeAtExit(folder)

        try write("subjectAltName=DNS:\(TestCertificates.serverName),DNS:*.wild.test,IP:127.0.0.1,IP:::1\n", to: "names")
        try write("this is no certificate\n", to: "garbage.pem")
        for name in ["authority", "other-authority", "ecdsa"] {
            try openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "\(name).key")
        }
        try openssl("genrsa", "-out", "rsa.key", "2048")
        for name in ["authority", "other-authority"] {
            try openssl(
                "req", "-x509", "-new", "-key", "\(name).key", "-subj", "/CN=\(name)", "-days", "3", "-out", "\(name).pem",
                "-addext", "basicConstraints=critical,CA:TRUE")
        }
        for name in ["rsa", "ecdsa"] {
            try openssl("req", "-new", "-key", "\(name).key", "-subj", "/CN=\(name)", "-out", "\(name).csr")
            try sign("\(name).csr", days: 3, to: "\(name).pem")
        }
        try sign("ecdsa.csr", days: -1, to: "expired.pem")
        try openssl("ec", "-aes256", "-passout", "pass:secret", "-in", "ecdsa.key", "-out", "encrypted.key")
    }

    private func sign(_ request: String, days: Int, to certificate: String) throws {
        try openssl(
            "x509", "-req", "-in", request, "-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial",
            "-days", "\(days)", "-extfile", "names", "-out", certificate)
    }

    private func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/" + name))
    }

    private func openssl(_ arguments: String...) throws {
        let program = try ChildProgram("/usr/bin/openssl", arguments, folder: folder)
        let words = program.printedToEnd()
        guard program.wait() == 0 else {
            throw Failure(description: "openssl \(arguments.joined(separator: " ")): \(words)")
        }
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }
}

private nonisolated(unsafe) var foldersToRemove: [String] = []

/// Only called while the one set of certificates is being made.
private func removeAtExit(_ folder: String) {
    foldersToRemove.append(folder)
    atexit {
        for folder in foldersToRemove { try? FileManager.default.removeItem(atPath: folder) }
    }
}
