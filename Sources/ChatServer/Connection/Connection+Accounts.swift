import ChatCore
import ChatProtocol
import LibUV
import Transport

/// What a connection tells of itself to those who log people in.
extension Connection {
    /// Tells the core what protects the connection, by which it offers ways to log in. Before HELLO.
    ///
    /// - Parameters:
    ///   - isTyped: Whether a person types at the other end, whose password comes as it is.
    ///   - isScripted: Whether it speaks what web pages speak.
    func noteChannel(isTyped: Bool = false, isScripted: Bool = false) {
        var channel: ChannelTraits = peer.isLoopback ? .loopback : []
        if stream.isSecure {
            channel.insert(.encrypted)
            if stream.tlsVersionName == "TLSv1.3" { channel.insert(.bindable) }
            if certificateName != nil { channel.insert(.certified) }
        }
        if isTyped, !channel.isDisjoint(with: [.loopback, .encrypted]) { channel.insert(.typed) }
        if isScripted { channel.insert(.scripted) }
        session.channel = channel
    }

    /// The account that the client's certificate names, if its name is one.
    private var certificateName: AccountName? {
        guard driver.asksForCertificates else { return nil }
        return stream.certifiedName(uriPrefix: "cbp:user:").flatMap { try? AccountName($0) }
    }

    /// What a log-in on this connection can be bound to.
    var evidence: ChannelEvidence {
        var exporter: [UInt8]?
        if session.channel.contains(.bindable) {
            exporter = (try? stream.exportKeyingMaterial(label: "EXPORTER-Channel-Binding", byteCount: 32)) ?? nil
        }
        return ChannelEvidence(address: peer.host, exporter: exporter, certificateName: certificateName)
    }
}
