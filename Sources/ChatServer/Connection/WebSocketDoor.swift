import Bytes
import ChatDialects
import WebSocket

/// What a connection keeps while it is a WebSocket.
final class WebSocketDoor {
    enum Kind {
        /// `cbp.json.v1`: an object in each text message.
        case json
        /// `cbp.bin.v1`: whole native frames in each binary message.
        case binary
        /// One of the simple dialects: no subprotocol was asked for.
        case simple
        /// What comes is sent back, for tests of clients.
        case echo
    }

    /// The names by which they are agreed on.
    enum Subprotocol {
        static let json = "cbp.json.v1"
        static let binary = "cbp.bin.v1"
    }

    /// Bits of the window with which the broker compresses; a client that asks for a smaller one is sent nothing compressed.
    static let deflateWindowBits = 12

    let kind: Kind
    let deflate: DeflateParameters?
    var decoder: WebSocketDecoder
    /// Reads the frames in binary messages.
    var dialect = NativeDialect(isOpened: true)
    /// A binary message of which frames are still to be read, because the core holds the input.
    var message = ReadBuffer()
    /// The code of the Close frame with which this side ends, if the peer's faults or its own Close frame decide it.
    var closeCode: WebSocketCloseCode?
    var hasSaidClose = false
    /// What is kept for a simple dialect; nil for any other kind.
    let simple: SimpleDoor?

    init(_ kind: Kind, deflate: DeflateParameters?) {
        self.kind = kind
        simple = kind == .simple ? SimpleDoor() : nil
        self.deflate = deflate
        decoder = WebSocketDecoder(allowsCompression: deflate != nil, discardsLongMessages: kind == .simple)
    }

    /// How what is queued by the core leaves.
    var encoding: WireEncoding { kind == .json ? .json : .webSocketBinary }

    /// Whether a message may be sent compressed.
    var mayCompress: Bool { (deflate?.serverWindowBits ?? 0) >= Self.deflateWindowBits }
}
