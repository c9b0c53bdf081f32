import Testing

@testable import LoadGenerator

@Suite struct PublisherTests {
    private func makePublisher(window: Int? = 2, requestsMax: Int = 64, messageCountMax: UInt64 = .max) -> Publisher {
        Publisher(number: 0, index: 0, messageCountMax: messageCountMax, window: window, requestsMax: requestsMax)
    }

    @Test func isInFlightUntilAcknowledgementAndOwnDelivery() {
        for deliversFirst in [true, false] {
            var publisher = makePublisher()
            let first = publisher.send(intendedNanoseconds: 100)
            _ = publisher.send(intendedNanoseconds: 200)
            #expect(!publisher.maySend)
            if deliversFirst { #expect(publisher.deliver(counter: first.counter, seq: 7) == true) }
            #expect(publisher.acknowledge(requestID: first.requestID, seq: 7, isPassed: deliversFirst) == .intended(nanoseconds: 100))
            #expect(publisher.maySend == deliversFirst)
            if !deliversFirst { #expect(publisher.deliver(counter: first.counter, seq: 7) == true) }
            #expect(publisher.maySend)
            #expect(publisher.inFlight == 1)
            #expect(publisher.unanswered == 1)
            #expect(publisher.head == LogHead(seq: 7, acknowledged: 1))
        }
    }

    @Test func respectsWhatTheBrokerAllows() {
        var publisher = makePublisher(window: 100, requestsMax: 3)
        var sent = 0
        while publisher.maySend {
            _ = publisher.send(intendedNanoseconds: 0)
            sent += 1
        }
        #expect(sent == 3)
        var open = makePublisher(window: nil, requestsMax: 3)
        // An open loop waits for acknowledgements only, not for deliveries.
        for _ in 0..<1_000 {
            while open.maySend {
                let message = open.send(intendedNanoseconds: 0)
                _ = open.acknowledge(requestID: message.requestID, seq: UInt64(message.counter) + 1, isPassed: false)
                if message.counter == 999 { break }
            }
            if open.sent >= 1_000 { break }
        }
        #expect(open.sent == 1_000)
        #expect(open.unanswered == 0)
    }

    @Test func noticesAnAcknowledgementThatContradictsTheDelivery() {
        var publisher = makePublisher()
        let first = publisher.send(intendedNanoseconds: 1)
        #expect(publisher.deliver(counter: first.counter, seq: 7) == true)
        #expect(publisher.acknowledge(requestID: first.requestID, seq: 8, isPassed: true) == .contradicts(nanoseconds: 1))
        let second = publisher.send(intendedNanoseconds: 2)
        #expect(publisher.acknowledge(requestID: second.requestID, seq: 9, isPassed: false) == .intended(nanoseconds: 2))
        #expect(publisher.deliver(counter: second.counter, seq: 10) == false)
    }

    @Test func noticesAnAnswerToNothing() {
        var publisher = makePublisher()
        let message = publisher.send(intendedNanoseconds: 0)
        #expect(publisher.acknowledge(requestID: message.requestID + 1, seq: 1, isPassed: false) == .unknown)
        #expect(publisher.acknowledge(requestID: 0, seq: 1, isPassed: false) == .unknown)
        #expect(publisher.refuse(requestID: 5) == false)
        #expect(publisher.acknowledge(requestID: message.requestID, seq: 1, isPassed: false) == .intended(nanoseconds: 0))
        #expect(publisher.acknowledge(requestID: message.requestID, seq: 1, isPassed: false) == .unknown)
        #expect(publisher.unanswered == 0)
    }

    @Test func aRefusedMessageIsNotInFlight() {
        var publisher = makePublisher(window: 1)
        let message = publisher.send(intendedNanoseconds: 0)
        #expect(publisher.refuse(requestID: message.requestID) == true)
        #expect(publisher.maySend)
        #expect(publisher.head.acknowledged == 0)
    }

    @Test func lagReleasesWhatWillNotCome() {
        var publisher = makePublisher(window: 3)
        let messages = (0..<3).map { _ in publisher.send(intendedNanoseconds: 0) }
        _ = publisher.acknowledge(requestID: messages[0].requestID, seq: 1, isPassed: false)
        _ = publisher.acknowledge(requestID: messages[1].requestID, seq: 2, isPassed: false)
        publisher.skip(below: 2)
        #expect(publisher.inFlight == 2)
        // The third one's acknowledgement comes after the LAG that named it.
        _ = publisher.acknowledge(requestID: messages[2].requestID, seq: 3, isPassed: true)
        #expect(publisher.inFlight == 1)
    }

    @Test func endsAfterItsMessages() {
        var publisher = makePublisher(window: 8, messageCountMax: 2)
        let messages = (0..<2).map { _ in publisher.send(intendedNanoseconds: 0) }
        #expect(!publisher.maySend)
        #expect(!publisher.isExhausted)
        for message in messages {
            _ = publisher.acknowledge(requestID: message.requestID, seq: UInt64(message.counter) + 1, isPassed: false)
            _ = publisher.deliver(counter: message.counter, seq: UInt64(message.counter) + 1)
        }
        #expect(publisher.isExhausted)
    }

    @Test func requestIDsRunThroughTheirRangeWithoutMeeting() {
        var publisher = makePublisher(window: 4)
        var last: UInt32 = 0
        for counter in 0..<100_000 as Range<UInt64> {
            let message = publisher.send(intendedNanoseconds: 0)
            #expect(message.requestID != last && message.requestID >= 16 && message.requestID <= 0xFF_FFFF)
            last = message.requestID
            #expect(publisher.acknowledge(requestID: message.requestID, seq: counter + 1, isPassed: false) != .unknown)
            #expect(publisher.deliver(counter: message.counter, seq: counter + 1) == true)
        }
    }
}
