import Bytes
import Deflate
import Testing

struct DeflateTests {
    private func plain(_ octets: [UInt8], byteCountMax: Int = 1 << 20) throws -> String {
        String(decoding: try Inflater().inflate(SharedBytes(octets), byteCountMax: byteCountMax).array, as: UTF8.self)
    }

    /// RFC 7692 sections 7.2.3.1 to 7.2.3.6.
    @Test(
        arguments: [
            ([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], "Hello"), ([0xF2, 0x00, 0x11, 0x00, 0x00], nil),
            ([0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00], "Hello"),
            ([0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00], "Hello"),
            ([0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00], "Hello"), ([0x00], ""),
        ] as [([UInt8], String?)])
    func readsTheExamplesOfTheRFC(_ octets: [UInt8], _ text: String?) throws {
        guard let text else {
            // The second message of section 7.2.3.2 needs the window of the first, and no context is taken over.
            #expect(throws: InflateError.malformed) { try plain(octets) }
            return
        }
        #expect(try plain(octets) == text)
    }

    @Test func writesTheExampleOfTheRFC() {
        #expect(Deflater().deflate(SharedBytes(utf8: "Hello")).array == [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
        #expect(Deflater().deflate(.empty).array == [0x00])
    }

    @Test(arguments: [1, 100, 4_096, 16_384, 16_385, 70_000, 300_000])
    func whatWasCompressedComesBack(_ count: Int) throws {
        let deflater = Deflater(windowBits: 9)
        let inflater = Inflater()
        var random = SystemRandomNumberGenerator()
        for bound in [UInt8(1), 30, 255] {
            let octets = SharedBytes((0..<count).map { _ in UInt8.random(in: 0...bound, using: &random) })
            let compressed = deflater.deflate(octets)
            #expect(try inflater.inflate(compressed, byteCountMax: count) == octets)
            #expect(throws: InflateError.tooLong) { try inflater.inflate(compressed, byteCountMax: count - 1) }
        }
    }

    @Test func aBombIsCutShort() throws {
        let bomb = Deflater(level: 9).deflate(SharedBytes([UInt8](repeating: 0, count: 50_000_000)))
        #expect(bomb.count < 100_000)
        #expect(throws: InflateError.tooLong) { try Inflater().inflate(bomb, byteCountMax: 65_536) }
    }

    @Test func noiseIsRefusedOrBounded() {
        let inflater = Inflater()
        var random = SystemRandomNumberGenerator()
        var refused = 0
        for _ in 0..<2_000 {
            let octets = (0..<Int.random(in: 0...60, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            do {
                #expect(try inflater.inflate(SharedBytes(octets), byteCountMax: 1_000).count <= 1_000)
            } catch {
                refused += 1
            }
        }
        #expect(refused > 1_000)
        #expect(throws: Never.self) { try inflater.inflate(SharedBytes([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]), byteCountMax: 5) }
    }
}
