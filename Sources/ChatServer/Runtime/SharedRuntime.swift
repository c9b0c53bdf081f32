import ChatConfiguration
import ChatCore
import LibUV
import Logging
import TLS

/// What all loops of a broker share: values, and the boxes by which they reach each other.
struct SharedRuntime: Sendable {
    let map: ShardMap
    let settings: CoreSettings
    let tls: TLSContext?
    let census: ConnectionCensus
    let boxes: [DriverBoxes]
    let log: Logger
    let backlog: Int32
    let acceptCountMaxPerTurn: Int
    let acceptsClearTextAnywhere: Bool
    let shutdownTimeoutMilliseconds: UInt64
    let flushWindowNanoseconds: UInt64
    /// What outlives the process; nil if nothing does. Set before the loops start.
    var storage: ServerStorage?

    init(_ configuration: Configuration, loopCount: Int, tls: TLSContext?, log: Logger) {
        var random = SystemRandomNumberGenerator()
        map = ShardMap(shardCount: loopCount, key: random.next())
        settings = CoreSettings(configuration, shardCount: loopCount)
        self.tls = tls
        let limits = configuration.limits
        census = ConnectionCensus(
            limits: .init(
                connectionsMax: limits.connectionsMax, connectionsPerAddressMax: limits.connectionsPerAddressMax,
                unauthenticatedMax: limits.unauthenticatedConnectionsMax,
                unauthenticatedPerAddressMax: limits.unauthenticatedConnectionsPerAddressMax), loopCount: loopCount)
        boxes = (0..<loopCount).map { _ in DriverBoxes() }
        self.log = log
        backlog = Int32(configuration.listen.backlog)
        acceptCountMaxPerTurn = configuration.listen.acceptBurstMax
        acceptsClearTextAnywhere = configuration.listen.allowClearTextOffLoopback
        shutdownTimeoutMilliseconds = UInt64(configuration.runtime.shutdownTimeoutMilliseconds)
        flushWindowNanoseconds = UInt64(configuration.queues.flushWindowMicroseconds) * 1_000
    }
}
