import Bytes
import ChatProtocol
import Testing

struct NameTests {
    private let first = Set("abcdefghijklmnopqrstuvwxyz0123456789".utf8)
    private let others = Set("abcdefghijklmnopqrstuvwxyz0123456789._-".utf8)

    private func isName(_ octets: [UInt8]) -> Bool { (try? AccountName(octets.span.bytes)) != nil }
    private func isAddress(_ octets: [UInt8]) -> Bool { (try? RoomAddress(octets.span.bytes)) != nil }

    @Test func everyOctetAtEveryPlace() {
        for octet in UInt8.min...UInt8.max {
            #expect(isName([octet]) == first.contains(octet))
            #expect(isAddress([octet]) == first.contains(octet))
            for place in 1..<20 {
                var octets = [UInt8](repeating: 0x61, count: 20)
                octets[place] = octet
                #expect(isName(octets) == others.contains(octet))
                #expect(isAddress(octets) == (others.contains(octet) || octet == UInt8(ascii: "/")))
            }
        }
    }

    @Test func everyLength() throws {
        for count in 0...90 {
            let octets = [UInt8](repeating: 0x7A, count: count)
            #expect(isName(octets) == (1...32).contains(count))
            #expect(isAddress(octets) == (1...64).contains(count))
        }
        for count in 1...64 {
            let text = String((0..<count).map { Character(Unicode.Scalar(UInt8(0x61 + $0 % 26))) })
            let room = try RoomAddress(text)
            #expect(room.description == text)
            #expect(room.count == count)
            #expect(!room.isConversation)
            if count <= 32 { #expect(try AccountName(text).description == text) }
        }
    }

    @Test func conversationsAreTwoNamesInOctetOrder() throws {
        let names = try ["a", "a.b", "alice", "alice2", "b", "bob", String(repeating: "x", count: 32)].map { try AccountName($0) }
        for one in names {
            for other in names {
                let address = RoomAddress(conversationOf: one, and: other)
                #expect(address == RoomAddress(conversationOf: other, and: one))
                #expect(address.isConversation)
                let parties = try #require(address.parties)
                #expect(parties == (min(one, other), max(one, other)))
                #expect((one.description < other.description) == (one < other))
                #expect(isAddress(Array("@\(one)+\(other)".utf8)) == (one <= other))
                #expect(try RoomAddress(address.description) == address)
            }
        }
        for text in ["@", "@+", "@a", "@a+", "@+a", "@a+b+c", "@a+b/", "@b+a", "a+b", "@@a+b", "@A+b", "@a +b"] {
            #expect(!isAddress(Array(text.utf8)), "\(text)")
        }
    }

    @Test func namesAreReadInTheMiddleOfOctets() throws {
        // Loads of 8 octets at a time must take nothing from the octets around.
        for count in 1...32 {
            let name = String(repeating: "q", count: count)
            let octets = Array("zz\(name)zz".utf8)
            let read = try AccountName(octets.span.bytes.extracting(2..<(2 + count)))
            #expect(read == (try AccountName(name)))
            #expect(read.hashValue == (try AccountName(name)).hashValue)
            #expect(read.digest(key: 5) == (try AccountName(name)).digest(key: 5))
        }
    }

    @Test func orderIsThatOfTheOctets() throws {
        var frames = RandomFrames(seed: 3)
        let names = (0..<200).map { _ in frames.name() }
        let rooms = (0..<200).map { _ in frames.address() }
        #expect(names.sorted().map(\.description) == names.map(\.description).sorted())
        #expect(rooms.sorted().map { Array($0.description.utf8) } == rooms.map { Array($0.description.utf8) }.sorted { $0.lexicographicallyPrecedes($1) })
    }

    @Test func reservedNamesBeginWithGuest() throws {
        for (text, isReserved) in [("guest-", true), ("guest-1", true), ("guest", false), ("guest.1", false), ("guesu-1", false), ("aguest-", false)] {
            #expect(try AccountName(text).isReserved == isReserved, "\(text)")
        }
    }
}
