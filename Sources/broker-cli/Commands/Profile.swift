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

    let user: AccountName
    let device: SharedBytes
    private(set) var token: SharedBytes?
    /// Whether a log-in was bound to its connection: from then on none is accepted that is not.
    private(set) var isBound: Bool
    private let url: String
    private let path: String
    private let descriptor: Int32

    private init(path: String, descriptor: Int32, url: String, user: AccountName, device: SharedBytes, token: SharedBytes?, isBound: Bool) {
        self.path = path
        self.descriptor = descriptor
        self.url = url
        self.user = user
        self.device = device
        self.token = token
        self.isBound = isBound
    }

    deinit { close(descriptor) }

    /// The first log-in that is remembered for a broker and not in use.
    ///
    /// - Parameter user: nil: of whomever.
    static func find(_ url: BrokerURL, user: String?) -> Profile? {
        guard let folder else { return nil }
        for number in 1...filesMax {
            let path = "\(folder)/session-\(number)"
            let descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
            guard descriptor >= 0 else { continue }
            if let profile = read(path, descriptor), profile.url == url.description, user == nil || profile.user.description == user {
                return profile
            }
        }
        return nil
    }

    /// A place for a log-in that is to be remembered; nothing is kept before ``keep(token:isBound:)``.
    static func make(_ url: BrokerURL, user: AccountName) throws(StartFailure) -> Profile {
        guard let folder else {
            throw StartFailure(reason: "neither $XDG_CONFIG_HOME nor $HOME is set: there is nowhere to remember the log-in")
        }
        mkdir(parent(of: folder), 0o700)
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw StartFailure(reason: "cannot make \(folder)") }
        for number in 1...filesMax {
            let path = "\(folder)/session-\(number)"
            let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
            guard descriptor >= 0 else {
                guard errno == EEXIST else { throw StartFailure(reason: "cannot make \(path)") }
                continue
            }
            flock(descriptor, LOCK_EX | LOCK_NB)
            let device = SharedBytes((0..<16).map { _ in UInt8.random(in: .min ... .max) })
            return Profile(
                path: path, descriptor: descriptor, url: url.description, user: user, device: device, token: nil, isBound: false)
        }
        throw StartFailure(reason: "\(filesMax) log-ins are remembered already; remove files of \(folder)")
    }

    private static func read(_ path: String, _ descriptor: Int32) -> Profile? {
        var profile: Profile?
        defer { if profile == nil { close(descriptor) } }
        var status = stat()
        // What others may read or have put there is no secret of ours.
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, fstat(descriptor, &status) == 0, status.st_uid == geteuid(),
            status.st_mode & 0o077 == 0
        else { return nil }
        var octets = [UInt8](repeating: 0, count: 2_048)
        let count = octets.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        let lines = String(decoding: octets.prefix(max(0, count)), as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count >= 5, let user = try? AccountName(String(lines[1])), let device = Hex.octets(lines[2]), device.count == 16,
            let token = Hex.octets(lines[3]), token.count == 32
        else { return nil }
        profile = Profile(
            path: path, descriptor: descriptor, url: String(lines[0]), user: user, device: SharedBytes(device), token: SharedBytes(token),
            isBound: lines[4] == "bound")
        return profile
    }

    /// Remembers a token.
    func keep(token: SharedBytes, isBound: Bool) {
        self.token = token
        self.isBound = self.isBound || isBound
        let text = "\(url)\n\(user)\n\(Hex.text(device.array))\n\(Hex.text(token.array))\n\(self.isBound ? "bound" : "unbound")\n"
        let octets = Array(text.utf8)
        _ = octets.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        ftruncate(descriptor, octets.count)
    }

    /// Forgets the log-in: it is worth nothing any more.
    func forget() {
        token = nil
        unlink(path)
    }

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
