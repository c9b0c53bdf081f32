import CLibUV

/// Calls ``EventLoop/onTurnEnd`` at the end of each turn of a loop.
///
/// A turn of libuv runs timers, deferred callbacks, `uv_prepare`, then blocks in the poll and runs the callbacks of I/O and of
/// messages, `uv_check` and the callbacks of closing. A `uv_prepare` handle therefore sees everything that has happened since the last block,
/// whatever its kind, once, and before the next block. A `uv_check` handle besides would split the turn's work over two flushes; the one
/// case a `uv_prepare` misses, the last turn before the loop stops, is covered by ``EventLoop/run()``.
/// Source: libuv documentation, "Design overview", the I/O loop.
final class TurnEnd: Handle {
    init(loop: EventLoop) {
        super.init(loop: loop, byteCount: MemoryLayout<uv_prepare_t>.size)
        do throws(UVError) {
            try open { uv_prepare_init(loop.pointer, $0.assumingMemoryBound(to: uv_prepare_t.self)) }
            try UVError.check(uv_prepare_start(storage.assumingMemoryBound(to: uv_prepare_t.self), turnDidEnd))
        } catch {
            preconditionFailure("uv_prepare cannot fail: \(error)")
        }
        keepsLoopRunning = false
    }
}

private let turnDidEnd: @convention(c) (UnsafeMutablePointer<uv_prepare_t>?) -> Void = { pointer in
    Handle.from(pointer!.pointee.data, as: TurnEnd.self).loop.onTurnEnd?()
}
