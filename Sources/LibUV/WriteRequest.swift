import Bytes
import CLibUV

/// A write that the kernel did not take at once: it keeps the octets until libuv has written them.
///
/// libuv holds a reference to it from the start to the callback, which comes in any case, with `UV_ECANCELED` when the stream is closed.
/// Source: libuv documentation, `uv_write`.
final class WriteRequest {
    private let slices: [SharedBytes]
    private let request = UnsafeMutablePointer<uv_write_t>.allocate(capacity: 1)

    init(_ slices: [SharedBytes]) {
        self.slices = slices
    }

    deinit {
        request.deallocate()
    }

    func start(on stream: TCPStream) throws(UVError) {
        // libuv copies the vector, but not what it points to; that lies in the chunks, which `slices` keeps in place.
        let status = withUnsafeTemporaryAllocation(of: uv_buf_t.self, capacity: slices.count) { vector in
            for (index, slice) in slices.enumerated() {
                slice.withUnsafeBytes { vector.initializeElement(at: index, to: uv_buf_t($0)) }
            }
            return uv_write(request, stream.stream, vector.baseAddress, UInt32(vector.count), writeDidFinish)
        }
        try UVError.check(status)
        request.pointee.data = Unmanaged.passRetained(self).toOpaque()
    }

    fileprivate func finish(status: Int32) {
        Handle.from(request.pointee.handle.pointee.data, as: TCPStream.self).finishWrite(status: status)
    }
}

private let writeDidFinish: @convention(c) (UnsafeMutablePointer<uv_write_t>?, Int32) -> Void = { request, status in
    Unmanaged<WriteRequest>.fromOpaque(request!.pointee.data).takeRetainedValue().finish(status: status)
}
