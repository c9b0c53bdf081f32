import Bytes

/// Walks over the fields of a payload, or the items of a list, that is known to be well-formed because this implementation wrote it: for gateways that
/// turn frames into other forms. What is not well-formed ends the walk.
public struct FieldWalk: Sendable {
    private var offset: Int
    private let end: Int

    /// - Parameter range: where in the octets the fields or items are.
    public init(_ range: Range<Int>) {
        offset = range.lowerBound
        end = range.upperBound
    }

    /// The next field: its tag number and where its value is. Fields of tag numbers from 127 on, which nobody has assigned, are passed over.
    public mutating func nextField(in octets: RawSpan) -> (tag: UInt8, value: Range<Int>)? {
        while offset < end {
            let tag = octets.byte(at: offset) & 0x7F
            offset += 1
            if tag == 127, length(in: octets) == nil { return nil }
            guard let value = nextItem(in: octets) else { return nil }
            if tag < 127 { return (tag, value) }
        }
        return nil
    }

    /// Where the next item of a list is.
    public mutating func nextItem(in octets: RawSpan) -> Range<Int>? {
        guard let length = length(in: octets), length <= end - offset else {
            offset = end
            return nil
        }
        let start = offset
        offset += length
        return start..<offset
    }

    private mutating func length(in octets: RawSpan) -> Int? {
        guard offset < end else { return nil }
        return try? VariableLength.read(octets, &offset, of: nil)
    }
}

extension Schema {
    /// The field of that tag number; nil if it is not implemented.
    public static func field(tag: UInt8) -> Field? { fieldsByTag[Int(tag & 0x7F)] }

    private static let fieldsByTag: [Field?] = {
        var table = [Field?](repeating: nil, count: 128)
        for field in fields { table[Int(field.tag)] = field }
        return table
    }()
}
