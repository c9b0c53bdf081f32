/// What is to be sent to one peer: slices of shared octets, first in, first out.
///
/// It holds references, not copies, and no storage of its own for a single slice, which is what most turns bring. Neighbouring slices of
/// one chunk are kept as one slice, so that a reader who has fallen behind costs chunks, not events. The owner bounds it by ``byteCount``.
public struct OutboundQueue {
    /// The queue's one slice; nil if there is none, or if there are more.
    public private(set) var onlySlice: SharedBytes?
    /// The slices, if there are several; those before `head` are gone.
    private var storage: [SharedBytes] = []
    private var head: UInt32 = 0
    private var count: UInt32 = 0

    public init() {}

    /// Octets queued, at most 2^32−1.
    public var byteCount: Int { Int(count) }

    public var isEmpty: Bool { count == 0 }

    /// The queued slices, the first one first.
    public var slices: ArraySlice<SharedBytes> {
        if let onlySlice { [onlySlice] } else { storage[Int(head)...] }
    }

    public mutating func append(_ bytes: SharedBytes) {
        guard !bytes.isEmpty else { return }
        defer { count += UInt32(bytes.count) }
        if let slice = onlySlice {
            if let joined = slice.joined(with: bytes) {
                onlySlice = joined
            } else {
                storage = [slice, bytes]
                onlySlice = nil
            }
        } else if isEmpty {
            onlySlice = bytes
        } else if let joined = storage[storage.count - 1].joined(with: bytes) {
            storage[storage.count - 1] = joined
        } else {
            storage.append(bytes)
        }
    }

    /// Forgets the first `count` octets, because they have been sent.
    public mutating func consume(_ count: Int) {
        precondition(count >= 0 && count <= byteCount, "consuming what was not queued")
        if count == byteCount { return removeAll() }
        self.count -= UInt32(count)
        if let slice = onlySlice {
            onlySlice = slice[count..<slice.count]
            return
        }
        var left = count
        while left > 0 {
            let first = storage[Int(head)]
            if first.count > left {
                storage[Int(head)] = first[left..<first.count]
                break
            }
            left -= first.count
            // The slot is emptied at once: a slice left behind would keep its chunk alive.
            storage[Int(head)] = .empty
            head += 1
        }
        if head >= 32 && Int(head) * 2 >= storage.count {
            storage.removeFirst(Int(head))
            head = 0
        }
    }

    /// Forgets everything and gives the storage back.
    public mutating func removeAll() {
        onlySlice = nil
        if !storage.isEmpty { storage = [] }
        head = 0
        count = 0
    }
}
