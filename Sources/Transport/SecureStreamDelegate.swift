/// What the owner of a ``SecureStream`` is told. Every call is made on the loop's thread and never from within a call to the stream,
/// and may close the stream, shut it down, write to it or begin TLS.
public protocol SecureStreamDelegate: AnyObject {
    /// Octets have come in: as received, or decrypted under TLS. They are lent for the length of the call.
    func secureStream(_ stream: SecureStream, didRead plaintext: RawSpan)
    /// TLS is agreed on: from now on there is plaintext to read and queues can be flushed.
    func secureStreamDidHandshake(_ stream: SecureStream)
    /// What was blocked has been written: flush again.
    func secureStreamCanWrite(_ stream: SecureStream)
    /// The peer sends no more: FIN or close_notify, told once. Writing is still possible.
    func secureStreamDidReachEnd(_ stream: SecureStream)
    /// The stream cannot go on, told once; the owner closes it.
    func secureStream(_ stream: SecureStream, didFail error: StreamError)
    /// The stream is gone. The last call; the stream forgets its delegate with it.
    func secureStreamDidClose(_ stream: SecureStream)
}
