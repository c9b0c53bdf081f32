import ChatCore
import ChatProtocol
import LibUV

/// What one loop is told from outside, besides the mail of the shards.
enum DriverOrder: Sendable {
    /// A connection that another loop accepted.
    case adopt(AcceptedSocket, ListenerKind)
    /// What is known about a question of the shard.
    case answer(UInt64, CredentialAnswer)
    /// These accounts must not be used any more.
    case suspend([AccountName])
    /// Log what the loop has.
    case report
    /// Accept no more, tell the clients, and end.
    case shutDown
    /// End now.
    case stop
}

/// Where something listens, and for what.
struct ListenerAddress: Sendable {
    let address: SocketAddress
    let kind: ListenerKind
}

/// The boxes of one loop: where others leave what it is to do.
struct DriverBoxes: Sendable {
    let mail = Mailbox<ShardMail>()
    let orders = Mailbox<DriverOrder>()
    let store = Mailbox<StoreAnswer>()
}
