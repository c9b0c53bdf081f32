/// What is to be sent to one peer: slices of shared octets, first in, first out.
///
/// It holds references, not copies, and no storage while it is empty. Neighbouring slices of one chunk are kept as one slice, so
/// that a reader who has fallen behind costs chunks, not events. The owner bounds it by ``byteCount``.
public struct OutboundQueue {
    private var storage: [SharedBytes] = []
    private var head = 0
    /// Octets queued.
    public private(set) var byteCount = 0

    public init() {}

    public var isEmpty: Bool { byteCount == 0 }

    /// The queued slices, the first one first.
    public var slices: ArraySlice<SharedBytes> { storage[head...] }

    public mutating func append(_ bytes: SharedBytes) {
        guard !bytes.isEmpty else { return }
        byteCount += bytes.count
        if head < storage.count, let joined = storage[storage.count - 1].joined(with: bytes) {
            storage[storage.count - 1] = joined
        } else {
            storage.append(bytes)
        }
    }

    /// Forgets the first `count` octets, because they have been sent.
    public mutating func consume(_ count: Int) {
        precondition(count >= 0 && count <= byteCount, "consuming what was not queued")
        byteCount -= count
        if byteCount == 0 { return removeAll() }
        var left = count
        while left > 0 {
            let first = storage[head]
            if first.count > left {
                storage[head] = first[left..<first.count]
                break
            }
            left -= first.count
            // The slot is emptied at once: a slice left behind would keep its chunk alive.
            storage[head] = .empty
            head += 1
        }
        if head >= 32 && head * 2 >= storage.count {
            storage.removeFirst(head)
            head = 0
        }
    }

    /// Forgets everything and gives the storage back.
    public mutating func removeAll() {
        storage = []
        head = 0
        byteCount = 0
    }
}
