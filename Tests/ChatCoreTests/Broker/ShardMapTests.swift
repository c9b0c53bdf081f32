import ChatProtocol
import Testing

@testable import ChatCore

struct ShardMapTests {
    /// Names that differ in their last octets only are spread like any others, whatever the key of the process is.
    @Test(arguments: ["r", "room-", "a-room-with-a-long-name-"], [2, 3, 4, 7])
    func neighbouringNamesAreSpread(stem: String, shardCount: Int) throws {
        var random = SeededRandom(seed: 1)
        for _ in 0..<200 {
            let map = ShardMap(shardCount: shardCount, key: random.next())
            var rooms = [Int](repeating: 0, count: shardCount)
            var accounts = rooms
            let nameCount = 100 * shardCount
            for number in 0..<nameCount {
                rooms[map.home(of: try RoomAddress("\(stem)\(number)"))] += 1
                accounts[map.home(of: try AccountName("\(stem)\(number)"))] += 1
            }
            // Five times the standard deviation of chance.
            for count in rooms + accounts { #expect((50...150).contains(count), "\(rooms) \(accounts)") }
        }
    }

    /// A few rooms with names of one kind do not all meet on one loop more often than chance has it.
    @Test func aFewNamesAreSpreadToo() throws {
        var random = SeededRandom(seed: 2)
        let names = try (1...8).map { try RoomAddress("r\($0)") }
        var meetings = 0
        for _ in 0..<10_000 {
            let map = ShardMap(shardCount: 2, key: random.next())
            let homes = Set(names.map { map.home(of: $0) })
            if homes.count == 1 { meetings += 1 }
        }
        // 1 in 128 is expected.
        #expect((40...130).contains(meetings), "\(meetings) of 10000")
    }
}
