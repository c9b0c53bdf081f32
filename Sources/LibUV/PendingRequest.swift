/// Something that is under way on a loop and can be called off. It goes on whether or not anybody keeps this.
///
/// Confined to the thread of its loop.
public class PendingRequest {
    init() {}

    /// Calls the request off: its completion is not called any more. Harmless when it has been already.
    public func cancel() {
        preconditionFailure("each kind of request knows how it is cancelled")
    }
}
