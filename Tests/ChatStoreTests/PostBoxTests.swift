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

    @Test func whatIsNotUrgentEndsNoRest() {
        let box = PostBox<Int>()
        box.post(1, isUrgent: false)
        #expect(box.take(waitingMilliseconds: 60_000) == [1], "it ends waiting")
        for number in 2...3 { box.post(number, isUrgent: false) }
        box.rest(milliseconds: 1)
        #expect(box.take() == [2, 3])
    }

    // The posters are threads of their own: a receiver that waits holds one that tasks would run on.

    @Test func whatIsUrgentEndsARest() throws {
        let box = PostBox<Int>()
        for round in 0..<200 {
            let poster = try StoreThread(name: "poster") {
                box.post(2 * round, isUrgent: false)
                box.post(2 * round + 1)
            }
            var taken: [Int] = []
            while taken.last != 2 * round + 1 {
                box.rest(milliseconds: 600_000)
                taken += box.take()
            }
            poster.join()
            #expect(taken == [2 * round, 2 * round + 1])
        }
    }

    /// What comes in front of the end of a rest is taken, and what comes behind it ends waiting.
    @Test func nothingIsOverlookedWhenARestEnds() throws {
        let box = PostBox<Int>()
        let count = 20_000
        let poster = try StoreThread(name: "poster") { for number in 0..<count { box.post(number, isUrgent: false) } }
        var next = 0
        while next < count {
            for number in box.take(waitingMilliseconds: nil) {
                #expect(number == next)
                next += 1
            }
            box.rest(milliseconds: 0)
        }
        poster.join()
    }
}
