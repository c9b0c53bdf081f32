import Synchronization

/// A connection that a listener has accepted and that belongs to no loop yet; it may be handed to another loop.
///
/// A value stands for the connection: the first ``TCPStream`` made from it, or from a copy of it, takes the connection over. If none
/// does, the connection is closed with the last copy, so that a message that gets lost loses no descriptor.
public struct AcceptedSocket: Sendable {
    private final class Owner: Sendable {
        private let descriptor: Atomic<Int32>

        init(_ descriptor: Int32) {
            self.descriptor = Atomic(descriptor)
        }

        func take() -> Int32 {
            descriptor.exchange(-1, ordering: .acquiringAndReleasing)
        }

        deinit {
            let descriptor = take()
            if descriptor >= 0 { closeDescriptor(descriptor) }
        }
    }

    private let owner: Owner
    /// Who connected.
    public let peer: SocketAddress

    /// Takes a connected TCP socket over; the caller must not use or close it any more.
    public init(descriptor: Int32, peer: SocketAddress) {
        owner = Owner(descriptor)
        self.peer = peer
    }

    /// The descriptor, which is the caller's to close from here on. Taking it twice traps.
    func takeDescriptor() -> Int32 {
        let descriptor = owner.take()
        precondition(descriptor >= 0, "an accepted socket becomes one stream only")
        return descriptor
    }
}
