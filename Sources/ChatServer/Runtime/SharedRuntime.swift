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
    /// Who judges credentials; nil: there are only guests.
    let accounts: AccountService?
    let web: WebSettings
    let census: ConnectionCensus
    let boxes: [DriverBoxes]
    let log: Logger
    let backlog: Int32
    let acceptCountMaxPerTurn: Int
    let acceptsClearTextAnywhere: Bool
    let shutdownTimeoutMilliseconds: UInt64
    let flushWindowNanoseconds: UInt64
    /// Whether clients may show certificates.
    let asksForCertificates: Bool
    /// What outlives the process; nil if nothing does. Set before the loops start.
    var storage: ServerStorage?

    init(_ configuration: Configuration, loopCount: Int, tls: TLSContext?, log: Logger) throws(ServerError) {
        var random = SystemRandomNumberGenerator()
        map = ShardMap(shardCount: loopCount, key: random.next())
        settings = CoreSettings(configuration, shardCount: loopCount)
        self.tls = tls
        web = WebSettings(configuration)
        let limits = configuration.limits
        census = ConnectionCensus(
            limits: .init(
                connectionsMax: limits.connectionsMax, connectionsPerAddressMax: limits.connectionsPerAddressMax,
                unauthenticatedMax: limits.unauthenticatedConnectionsMax,
                unauthenticatedPerAddressMax: limits.unauthenticatedConnectionsPerAddressMax), loopCount: loopCount)
        let boxes = (0..<loopCount).map { _ in DriverBoxes() }
        self.boxes = boxes
        if let settings = AccountSettings(configuration) {
            let listener = AccountService.Listener(
                deliver: { loop, number, answer in boxes[loop].orders.post([.answer(number, answer)]) },
                suspended: { names in boxes.forEach { $0.orders.post([.suspend(names)]) } })
            accounts = try AccountService.start(settings, listener: listener, log: log)
        } else {
            accounts = nil
        }
        self.log = log
        backlog = Int32(configuration.listen.backlog)
        acceptCountMaxPerTurn = configuration.listen.acceptBurstMax
        acceptsClearTextAnywhere = configuration.listen.allowClearTextOffLoopback
        shutdownTimeoutMilliseconds = UInt64(configuration.runtime.shutdownTimeoutMilliseconds)
        asksForCertificates = !configuration.tls.clientAuthoritiesFile.isEmpty
        flushWindowNanoseconds = UInt64(configuration.queues.flushWindowMicroseconds) * 1_000
    }
}
