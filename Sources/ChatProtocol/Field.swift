/// How the value of a field is written (docs/PROTOCOL.md, *Fields*).
public enum FieldType: Sendable {
    /// A number: big-endian, 0 to 7 octets, none of them a leading zero.
    case number
    /// A number out of a table that may grow.
    case enumeration
    /// No octets; presence is true.
    case flag
    /// UTF-8 under the text rules.
    case text
    /// The name of an account.
    case name
    /// The address of a log.
    case address
    /// Octets.
    case bytes
    /// Texts, each behind its length.
    case texts
    /// Records of fields, each behind its length.
    case groups
    /// Whole frames, headers included, back to back.
    case frames
}

/// One row of the table of fields. One tag has one meaning, one type and one criticality everywhere.
public struct Field: Sendable {
    /// Tag number, 1 to 126.
    public let tag: UInt8
    /// Name in the document and in JSON.
    public let name: String
    public let type: FieldType
    /// The C bit: a receiver that does not expect the field refuses the frame.
    public let isCritical: Bool
    /// Bounds of the value of a number, of the octets of text and bytes, of the items of a list.
    public let minimum: UInt64
    public let maximum: UInt64

    init(_ tag: UInt8, _ name: String, _ type: FieldType, isCritical: Bool = false, minimum: UInt64 = 0, maximum: UInt64 = 1 << 53 - 1) {
        self.tag = tag
        self.name = name
        self.type = type
        self.isCritical = isCritical
        self.minimum = minimum
        self.maximum = maximum
    }

    /// The first octet of the field on the wire: tag and C bit.
    var head: UInt8 { isCritical ? tag | 0x80 : tag }
}

/// A set of tag numbers 1 to 126, one bit each.
public struct FieldSet: Sendable, Equatable, ExpressibleByArrayLiteral {
    var bits: UInt128

    init(bits: UInt128) { self.bits = bits }

    public init(arrayLiteral fields: Field...) {
        bits = 0
        for field in fields { bits |= 1 << UInt128(field.tag) }
    }

    /// Whether the set holds the field.
    public func contains(_ field: Field) -> Bool { bits >> UInt128(field.tag) & 1 != 0 }
}
