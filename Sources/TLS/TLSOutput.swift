/// Ciphertext that waits to be sent by one engine: a buffer borrowed from the loop's scratch while there is some, nothing otherwise.
struct TLSOutput: ~Copyable {
    private let scratch: TLSScratch
    private var buffer: UnsafeMutableRawPointer?
    private var capacity: Int32 = 0
    private var start: Int32 = 0
    private var end: Int32 = 0

    init(scratch: TLSScratch) {
        self.scratch = scratch
    }

    deinit {
        if let buffer { TLSOutput.release(buffer, capacity: capacity, to: scratch) }
    }

    var count: Int { Int(end - start) }

    /// The octets that wait; valid until the next change.
    var bytes: UnsafeRawBufferPointer {
        guard let buffer else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(start: buffer + Int(start), count: count)
    }

    mutating func append(_ octets: UnsafeRawPointer, count addedCount: Int) {
        let needed = count + addedCount
        if buffer == nil {
            buffer = scratch.borrow()
            capacity = Int32(TLSScratch.bufferByteCount)
        }
        if Int(end) + addedCount > Int(capacity) {
            if needed <= Int(capacity) {
                buffer!.copyMemory(from: buffer! + Int(start), byteCount: count)
            } else {
                let largerCapacity = max(needed, 2 * Int(capacity))
                let larger = UnsafeMutableRawPointer.allocate(byteCount: largerCapacity, alignment: 16)
                larger.copyMemory(from: buffer! + Int(start), byteCount: count)
                TLSOutput.release(buffer!, capacity: capacity, to: scratch)
                buffer = larger
                capacity = Int32(largerCapacity)
            }
            end = Int32(needed - addedCount)
            start = 0
        }
        (buffer! + Int(end)).copyMemory(from: octets, byteCount: addedCount)
        end += Int32(addedCount)
    }

    mutating func consume(_ byteCount: Int) {
        precondition(byteCount >= 0 && byteCount <= count, "consuming what was not sealed")
        start += Int32(byteCount)
        if start == end { clear() }
    }

    mutating func clear() {
        if let buffer { TLSOutput.release(buffer, capacity: capacity, to: scratch) }
        buffer = nil
        (capacity, start, end) = (0, 0, 0)
    }

    private static func release(_ buffer: UnsafeMutableRawPointer, capacity: Int32, to scratch: TLSScratch) {
        if Int(capacity) == TLSScratch.bufferByteCount {
            scratch.giveBack(buffer)
        } else {
            buffer.deallocate()
        }
    }
}
