public import ChatCore

/// What became of a post.
public enum StoreOutcome: Sendable {
    /// Committed and flushed; the results stand in the order of the writes.
    case committed([WriteResult])
    /// Nothing of it is stored. It is not tried again.
    case failed(StoreError)
}
