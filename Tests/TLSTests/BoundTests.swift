import Bytes
import Testing

@testable import TLS

/// What is held, and for how long.
struct BoundTests {
    @Test func borrowsABufferOnlyWhileThereIsOutput() throws {
        let scratch = TLSScratch()
        let pair = try EnginePair(key: .rsa, scratch: scratch)
        try pair.client.startHandshake()
        #expect(scratch.borrowedCount == 1)
        try pair.carry(pieceByteCount: 1)
        #expect(scratch.borrowedCount == 0)
        try pair.server.seal([1])
        let sealedByteCount = pair.server.outputByteCount
        pair.server.consumeOutput(sealedByteCount - 1)
        #expect(scratch.borrowedCount == 1)
        pair.server.consumeOutput(1)
        #expect(scratch.borrowedCount == 0)
    }

    @Test func outputOfAnySizeWaitsInOrder() throws {
        let pair = try EnginePair()
        try pair.handshake()
        let octets = patternedOctets(count: 200_000)
        // Front consumed between additions, so that the waiting octets are moved, and grow past one buffer.
        var carried: [UInt8] = []
        for start in stride(from: 0, to: octets.count, by: 10_000) {
            try pair.client.seal(Array(octets[start..<start + 10_000]))
            carried += pair.client.withOutput { $0.withUnsafeBytes { Array($0.prefix(7_000)) } }
            pair.client.consumeOutput(min(7_000, pair.client.outputByteCount))
        }
        carried += EnginePair.takeOutput(of: pair.client)
        var received: [UInt8] = []
        try EnginePair.give(carried, to: pair.server) { received += $0 }
        #expect(received == octets)
    }

    @Test func lettingGoOfAnEngineGivesItsBufferBack() throws {
        let scratch = TLSScratch()
        do {
            let pair = try EnginePair(scratch: scratch)
            try pair.client.startHandshake()
            #expect(scratch.borrowedCount == 1)
        }
        #expect(scratch.borrowedCount == 0)
    }

    @Test(arguments: [0, 1])
    func endsAPeerThatIsOwedTooManyAnswers(excess: Int) throws {
        let pair = try EnginePair()
        try pair.handshake()
        // As if OpenSSL had answered what the client sent, again and again, and the client had not read it.
        let answers = [UInt8](repeating: 0, count: TLSEngine.answerByteCountMax + excess)
        answers.withUnsafeBytes { pair.server.takeOutput($0.baseAddress!, byteCount: $0.count) }
        try pair.client.seal([1])
        let octets = EnginePair.takeOutput(of: pair.client)
        if excess == 0 {
            try EnginePair.give(octets, to: pair.server)
        } else {
            let error = #expect(throws: TLSError.self) { try EnginePair.give(octets, to: pair.server) }
            #expect(error?.kind == .outputTooLarge)
        }
        // What has been sent is owed no longer.
        pair.server.consumeOutput(pair.server.outputByteCount)
        let next = try EnginePair()
        try next.handshake()
        try next.server.seal(patternedOctets(count: 2 * TLSEngine.answerByteCountMax))
        try next.client.seal([1])
        try next.carryToServer()
        #expect(next.serverReceived == [1], "what is sealed for the owner is no answer")
    }
}
