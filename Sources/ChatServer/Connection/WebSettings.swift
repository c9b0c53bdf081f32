import ChatConfiguration
import WebSocket

/// The part of a configuration by which HTTP requests are answered.
struct WebSettings: Sendable {
    let servesClient: Bool
    let allowsCompression: Bool
    let servesEcho: Bool
    let origins: OriginPolicy

    init(_ web: Configuration.Web) {
        servesClient = web.client
        allowsCompression = web.compression
        servesEcho = web.echo
        origins = OriginPolicy(web.allowedOrigins.split(separator: ",").map { String($0.filter { $0 != " " }) })
    }
}
