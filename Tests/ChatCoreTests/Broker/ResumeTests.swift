import ChatProtocol
import Testing

@testable import ChatCore

/// docs/PROTOCOL.md, *RESUME*.
struct ResumeTests {
    /// One RESUME that is answered before another does not begin what the other asked for.
    @Test func eachBeginsWhatItAnswers() throws {
        let broker = SimulatedBroker(shards: 2)
        let ann = broker.logIn("ann", on: 0)
        let bob = broker.logIn("bob")
        let names = (0..<20).map { try! RoomAddress("r\($0)") }
        let near = try #require(names.first { broker.shards[0].map.home(of: $0) == 0 })
        let far = names.filter { broker.shards[0].map.home(of: $0) == 1 }
        var items: [RoomAddress: Resume.Item] = [:]
        for room in [near, far[0], far[1]] {
            bob.create(room, policy: [])
            let joined = try #require(ann.join(room))
            ann.leave(room, detachesOnly: true)
            bob.publish("missed", to: room)
            items[room] = Resume.Item(room: room, cursor: LogPosition(epoch: joined.epoch, seq: joined.head))
        }
        ann.takeInbox()
        // What the near home says of the second is there at once, what the far one says of both comes later, of the first before.
        ann.readNow(.resume(Resume(items: [items[far[0]]!])), id: 101)
        ann.readNow(.resume(Resume(items: [items[near]!, items[far[1]]!])), id: 102)
        broker.settle()
        let story = ann.story
        #expect(story.sorted() == ["\(near) 2", "\(far[0]) 2", "\(far[1]) 2", "resumed 101 1", "resumed 102 2"].sorted())
        #expect(story.firstIndex(of: "resumed 102 2")! < story.firstIndex(of: "\(near) 2")!)
        #expect(broker.faultsAtRest() == [])
    }
}
