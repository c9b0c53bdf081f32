import ChatCore
import Testing

@testable import ChatStore

@Suite(.timeLimit(.minutes(1))) struct PostBoxTests {
    @Test func everyPostOfEveryThreadArrivesInItsOrder() async throws {
        let box = PostBox<(poster: Int, number: Int)>()
        let (posters, count) = (4, 20_000)
        var last = [Int](repeating: -1, count: posters)
        var received = 0
        await withTaskGroup { group in
            for poster in 0..<posters {
                group.addTask { for number in 0..<count { box.post((poster, number)) } }
            }
            while received < posters * count {
                for message in box.take(waitingMilliseconds: nil) {
                    #expect(message.number == last[message.poster] + 1)
                    last[message.poster] = message.number
                    received += 1
                }
            }
        }
        #expect(box.take().isEmpty)
    }

    @Test func waitingEndsWithTheTime() {
        let box = PostBox<Int>()
        #expect(box.take(waitingMilliseconds: 1) == [])
        box.post(7)
        #expect(box.take(waitingMilliseconds: 60_000) == [7])
        #expect(box.take(waitingMilliseconds: 0) == [])
    }
}
