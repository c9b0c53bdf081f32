import ChatConfiguration
import WebSocket

/// The part of a configuration by which HTTP requests are answered.
struct WebSettings: Sendable {
    let servesClient: Bool
    let allowsCompression: Bool
    let servesEcho: Bool
    let origins: OriginPolicy
    /// How long a connection may rest between two requests; 0: none is kept.
    let idleMilliseconds: UInt64

    init(_ configuration: Configuration) {
        let web = configuration.web
        idleMilliseconds = UInt64(configuration.deadlines.httpIdleMilliseconds)
        servesClient = web.client
        allowsCompression = web.compression
        servesEcho = web.echo
        origins = OriginPolicy(web.allowedOrigins.split(separator: ",").map { String($0.filter { $0 != " " }) })
    }
}
