/// A ClientHello made by hand (RFC 5246, section 7.4.1.2; RFC 8446, section 4.1.2), for what our own client never says.
struct ClientHello {
    /// The greatest one is sent, without the extension `supported_versions`: TLS 1.3 is never offered.
    var versions: [UInt16]
    var suites: [UInt16]

    /// The message in one record.
    var record: [UInt8] {
        var extensions: [UInt8] = []
        extensions += block(10, vector([0, 29, 0, 23]))  // supported_groups: X25519, P-256
        extensions += block(11, [1, 0])  // ec_point_formats: uncompressed
        extensions += block(13, vector([4, 3, 8, 4, 4, 1]))  // signature_algorithms: ECDSA, PSS, PKCS #1, all with SHA-256
        var body: [UInt8] = [UInt8(versions.max()! >> 8), UInt8(versions.max()! & 0xFF)]
        body += [UInt8](repeating: 7, count: 32)  // random
        body += [0]  // no session
        body += vector(suites.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] })
        body += [1, 0]  // no compression
        body += vector(extensions)
        let message: [UInt8] = [1, 0, UInt8(body.count >> 8), UInt8(body.count & 0xFF)] + body
        return [22, 3, 1] + vector(message)
    }

    private func vector(_ octets: [UInt8]) -> [UInt8] {
        [UInt8(octets.count >> 8), UInt8(octets.count & 0xFF)] + octets
    }

    private func block(_ kind: UInt8, _ content: [UInt8]) -> [UInt8] {
        [0, kind] + vector(content)
    }
}
