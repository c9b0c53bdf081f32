import Bytes
import ChatClient
import ChatProtocol
import Glibc

/// What this device is remembered by: one file for each log-in, in `$XDG_CONFIG_HOME/broker-cli` (else `~/.config/broker-cli`), which
/// only its user may read.
///
/// A broker knows a device by its secret and lets it have one connection, so a file is locked while a program uses it: a second program
/// takes another one, if there is one.
final class Profile {
    private static let filesMax = 32

    /// What a file says, a line for each member.
    private struct Content {
        var url: String
        var user: AccountName
        var device: SharedBytes
        var token: SharedBytes?
        var isBound: Bool
        /// Rises with each log-in on this machine.
        var number: UInt64
    }

    private var content: Content
    private let path: String
    private let descriptor: Int32

    var user: AccountName { content.user }
    var device: SharedBytes { content.device }
    var token: SharedBytes? { content.token }
    /// Whether a log-in was bound to its connection: from then on none is accepted that is not.
    var isBound: Bool { content.isBound }

    private init(path: String, descriptor: Int32, content: Content) {
        self.path = path
        self.descriptor = descriptor
        self.content = content
    }

    deinit { close(descriptor) }

    /// The latest log-in that is remembered for a broker and not in use.
    ///
    /// - Parameter user: nil: whoever logged in there last.
    /// - Throws: if the user is logged in, but other programs use all of the log-ins.
    static func find(_ url: BrokerURL, user: String?) throws(StartFailure) -> Profile? {
        let known = remembered(url)
        guard let name = user ?? known.first?.content.user.description else { return nil }
        let own = known.filter { $0.content.user.description == name }
        for (path, _) in own { if let profile = take(path) { return profile } }
        guard !own.isEmpty else { return nil }
        throw StartFailure(
            reason: "other programs use all log-ins of \(name) on this device; `broker-cli login --user \(name)` adds one",
            status: .refused)
    }

    /// A place for one more log-in; nothing is kept before ``keep(token:isBound:)``.
    static func make(_ url: BrokerURL, user: AccountName) throws(StartFailure) -> Profile {
        guard let folder else {
            throw StartFailure(reason: "neither $XDG_CONFIG_HOME nor $HOME is set: there is nowhere to remember the log-in")
        }
        mkdir(parent(of: folder), 0o700)
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw StartFailure(reason: "cannot make \(folder)") }
        let own = remembered(url).filter { $0.content.user == user }
        let content = Content(
            url: url.description, user: user, device: SharedBytes((0..<16).map { _ in UInt8.random(in: .min ... .max) }), token: nil,
            isBound: own.contains { $0.content.isBound }, number: (remembered(nil).map(\.content.number).max() ?? 0) + 1)
        if let profile = try create(in: folder, content) { return profile }
        // The user's oldest one that is not in use makes way.
        for (path, _) in own.reversed() {
            guard let profile = take(path) else { continue }
            profile.forget()
            if let profile = try create(in: folder, content) { return profile }
        }
        throw StartFailure(reason: "\(filesMax) log-ins are remembered already; remove files of \(folder)")
    }

    private static func create(in folder: String, _ content: Content) throws(StartFailure) -> Profile? {
        for path in paths(in: folder) {
            let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
            guard descriptor >= 0 else {
                guard errno == EEXIST else { throw StartFailure(reason: "cannot make \(path)") }
                continue
            }
            flock(descriptor, LOCK_EX | LOCK_NB)
            return Profile(path: path, descriptor: descriptor, content: content)
        }
        return nil
    }

    /// The log-ins for a broker, or for all, the latest first, also those in use.
    private static func remembered(_ url: BrokerURL?) -> [(path: String, content: Content)] {
        guard let folder else { return [] }
        return paths(in: folder).compactMap { path in
            let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
            defer { close(descriptor) }
            guard descriptor >= 0, let content = read(descriptor), url == nil || content.url == url?.description else { return nil }
            return (path, content)
        }.sorted { $0.content.number > $1.content.number }
    }

    /// Locks a file; nil if another program has it, or it is gone.
    private static func take(_ path: String) -> Profile? {
        let descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, let content = read(descriptor) else {
            close(descriptor)
            return nil
        }
        return Profile(path: path, descriptor: descriptor, content: content)
    }

    private static func read(_ descriptor: Int32) -> Content? {
        var status = stat()
        // What others may read or have put there is no secret of ours, and what was removed is forgotten.
        guard fstat(descriptor, &status) == 0, status.st_uid == geteuid(), status.st_mode & 0o077 == 0, status.st_nlink > 0 else {
            return nil
        }
        var octets = [UInt8](repeating: 0, count: 2_048)
        let count = octets.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        let lines = String(decoding: octets.prefix(max(0, count)), as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count >= 5, let user = try? AccountName(String(lines[1])), let device = Hex.octets(lines[2]), device.count == 16,
            let token = Hex.octets(lines[3]), token.count == 32
        else { return nil }
        // Files of an earlier release have no number.
        return Content(
            url: String(lines[0]), user: user, device: SharedBytes(device), token: SharedBytes(token), isBound: lines[4] == "bound",
            number: lines.count > 5 ? UInt64(lines[5]) ?? 0 : 0)
    }

    /// Remembers a token.
    func keep(token: SharedBytes, isBound: Bool) {
        content.token = token
        content.isBound = content.isBound || isBound
        let lines = [
            content.url, user.description, Hex.text(device.array), Hex.text(token.array), content.isBound ? "bound" : "unbound",
            "\(content.number)",
        ]
        let octets = Array(lines.map { $0 + "\n" }.joined().utf8)
        _ = octets.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        ftruncate(descriptor, octets.count)
    }

    /// Forgets the log-in: it is worth nothing any more.
    func forget() {
        content.token = nil
        unlink(path)
    }

    private static func paths(in folder: String) -> [String] { (1...filesMax).map { "\(folder)/session-\($0)" } }

    private static var folder: String? {
        let base = Environment.value("XDG_CONFIG_HOME") ?? Environment.value("HOME").map { $0 + "/.config" }
        return base.map { $0 + "/broker-cli" }
    }

    private static func parent(of folder: String) -> String { String(folder.dropLast("/broker-cli".count)) }
}

/// Octets as hexadecimal digits.
enum Hex {
    static func text(_ octets: [UInt8]) -> String {
        octets.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    static func octets(_ text: some StringProtocol) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count % 2 == 0 else { return nil }
        var octets: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let octet = UInt8(String(decoding: digits[index..<(index + 2)], as: UTF8.self), radix: 16) else { return nil }
            octets.append(octet)
        }
        return octets
    }
}
