import Bytes
import ChatProtocol
import LibUV
import TLS

/// What all loops of a run share and nobody changes.
struct LoadPlan: Sendable {
    let configuration: LoadConfiguration
    let identity: RunIdentity
    /// Addresses of the broker, the first one to be used.
    let address: SocketAddress
    /// Source addresses, one after another; empty means that the system chooses.
    let sources: [SocketAddress]
    /// nil in clear text.
    let tlsContext: TLSContext?
    let filler: BodyFiller

    init(
        configuration: LoadConfiguration, identity: RunIdentity, address: SocketAddress, tlsContext: TLSContext?
    ) throws(UVError) {
        self.tlsContext = tlsContext
        self.configuration = configuration
        self.identity = identity
        self.address = address
        filler = BodyFiller(bodyByteCountMax: configuration.bodyByteCount)
        var sources: [SocketAddress] = []
        for number in 0..<configuration.sources {
            sources.append(try SocketAddress(host: "127.0.0.\(number + 2)", port: 0))
        }
        self.sources = sources
    }

    func source(of connection: Int) -> SocketAddress? {
        sources.isEmpty ? nil : sources[connection % sources.count]
    }

    // MARK: Logs

    var logCount: Int {
        switch configuration.scenario {
        case .fanout, .churn: configuration.rooms
        case .directMessages: configuration.pairs
        case .idle: 0
        }
    }

    /// Connections that receive each log, and those of them that publish.
    var membersPerLog: Int { configuration.scenario == .directMessages ? 2 : configuration.members }
    var publishersPerLog: Int { configuration.scenario == .directMessages ? 2 : configuration.publishers }
    var publisherCount: Int { logCount * publishersPerLog }

    func logAddress(_ log: Int) -> RoomAddress {
        guard configuration.scenario == .directMessages else { return identity.room(log) }
        return RoomAddress(conversationOf: identity.account(2 * log), and: identity.account(2 * log + 1))
    }

    /// The account number of a member of a log. The first members publish.
    func account(log: Int, member: Int) -> Int { log * membersPerLog + member }

    /// Members that stop reading: the last ones of each room, spread over the rooms.
    func isStalled(log: Int, member: Int) -> Bool {
        let (perRoom, rest) = configuration.stalled.quotientAndRemainder(dividingBy: max(1, configuration.rooms))
        return membersPerLog - 1 - member < perRoom + (log < rest ? 1 : 0)
    }

    /// Publishes that one publisher may have in flight in the closed loop.
    func window(publisher: Int) -> Int {
        if configuration.scenario == .directMessages { return configuration.window }
        let (share, rest) = configuration.window.quotientAndRemainder(dividingBy: configuration.publishers)
        return share + (publisher < rest ? 1 : 0)
    }

    /// How many messages a publisher sends in all, by its number among all publishers.
    func messageCountMax(publisherNumber: Int) -> UInt64 {
        guard let total = configuration.messagesMax else { return .max }
        let (share, rest) = total.quotientAndRemainder(dividingBy: UInt64(publisherCount))
        return share + (UInt64(publisherNumber) < rest ? 1 : 0)
    }

    /// A publisher's number among all: neighbours in the schedule are publishers of different rooms.
    func publisherNumber(log: Int, publisher: Int) -> Int { publisher * logCount + log }
}
