import Bytes
import Foundation
import LibUV
import TLS
import Testing
import Transport

/// Our ends of connections against those of the `openssl` program.
struct OpenSSLInteropTests {
    private let certificates = TestCertificates.shared

    /// Runs `openssl s_client` against an echo server until it ends; gives back what it printed and what the server received.
    private func runClient(
        _ arguments: [String], input: String, contexts: Contexts, onRead: @escaping (End) -> Void = { $0.send($0.lastRead) }
    ) throws -> (output: String, servers: [End]) {
        var servers: [End] = []
        let loopback = try Loopback { _, server in
            servers.append(server)
            server.onRead = onRead
            server.onEnd = { $0.stream.shutdown() }
            server.onFail = { end, _ in end.stream.close() }
            server.startServerTLS(contexts.server)
            server.startReading()
        }
        var output = ""
        let finished = try Mailbox<String>(loop: loopback.loop) { outputs in
            output = outputs.joined()
            loopback.stop()
        }
        let program = try ChildProgram(
            "/usr/bin/openssl",
            ["s_client", "-connect", loopback.address.description, "-CAfile", certificates.authority, "-verify_return_error"]
                + arguments)
        Thread.detachNewThread { _ = finished.post([program.printedToEnd()]) }
        // Its input stays open: at the end of its input it would end the connection.
        program.give(input)
        loopback.run()
        program.terminate()
        _ = program.wait()
        return (output, servers)
    }

    @Test(arguments: [Wire.tls12, .tls13], TestCertificates.Key.allCases)
    func servesItsClient(wire: Wire, key: TestCertificates.Key) throws {
        let (output, servers) = try runClient(
            [
                wire == .tls12 ? "-tls1_2" : "-tls1_3", "-servername", TestCertificates.serverName, "-verify_hostname",
                TestCertificates.serverName, "-alpn", "cbp/1", "-ign_eof",
            ], input: "hello broker\n", contexts: try Contexts(key: key, serverALPN: ["cbp/1"])
        ) { end in
            end.send(end.lastRead.reversed())
            end.stream.shutdown()
        }
        #expect(output.contains("Verify return code: 0 (ok)"))
        #expect(output.contains("\nrekorb olleh"))
        #expect(output.contains("ALPN protocol: cbp/1"))
        #expect(output.contains("Secure Renegotiation IS NOT supported") == (wire == .tls13))
        #expect(output.contains("Compression: NONE"))
        #expect(output.contains("Protocol  : TLSv1.2") || output.contains("New, TLSv1.3"))
        // It saw close_notify and not an end cut off.
        #expect(output.contains("closed") && !output.contains("unexpected eof"))
        #expect(servers.map(\.received) == [Array("hello broker\n".utf8)])
    }

    @Test func refusesItsOldSuites() throws {
        let (output, servers) = try runClient(
            ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA256:AES128-GCM-SHA256"], input: "",
            contexts: try Contexts())
        #expect(output.contains("handshake failure"))
        #expect(servers.map(\.handshakeCount) == [0])
    }

    @Test func refusesItsOldVersions() throws {
        let (output, servers) = try runClient(["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], input: "", contexts: try Contexts())
        #expect(output.contains("protocol version"))
        #expect(servers.map(\.handshakeCount) == [0])
    }

    /// A line that begins with R makes it renegotiate.
    @Test func refusesToRenegotiate() throws {
        let (output, servers) = try runClient(["-tls1_2"], input: "R\n", contexts: try Contexts())
        #expect(output.contains("RENEGOTIATING"))
        #expect(output.contains("no renegotiation"))
        #expect(servers.map(\.handshakeCount) == [1])
        #expect(servers.map(\.received) == [[]])
    }

    @Test func acceptsNoEarlyData() throws {
        let contexts = try Contexts()
        let session = certificates.folder + "/session-\(UUID().uuidString)"
        let early = certificates.folder + "/early-\(UUID().uuidString)"
        try Data("too early\n".utf8).write(to: URL(fileURLWithPath: early))
        let answer: (End) -> Void = { end in
            end.send(end.lastRead)
            end.stream.shutdown()
        }
        let (first, _) = try runClient(
            ["-tls1_3", "-sess_out", session, "-ign_eof"], input: "first\n", contexts: contexts, onRead: answer)
        #expect(first.contains("Max Early Data: 0"))
        let (second, servers) = try runClient(
            ["-tls1_3", "-sess_in", session, "-early_data", early, "-ign_eof"], input: "second\n", contexts: contexts, onRead: answer)
        #expect(second.contains("Reused, TLSv1.3"))
        #expect(second.contains("Early data was not sent"))
        #expect(servers.map(\.received) == [Array("second\n".utf8)])
    }

    @Test(arguments: [Wire.tls12, .tls13])
    func speaksToItsServer(wire: Wire) throws {
        let contexts = try Contexts(clientALPN: ["cbp/1"])
        let loopback = try Loopback()
        // It echoes every line reversed, and says where it listens once it does.
        let program = try ChildProgram(
            "/usr/bin/openssl",
            [
                "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-rev", "-alpn", "cbp/1",
                wire == .tls12 ? "-tls1_2" : "-tls1_3", "-cert", certificates.certificate(.rsa), "-key", certificates.privateKey(.rsa),
            ])
        var received: [UInt8] = []
        let line = "reverse this " + String(repeating: "0123456789", count: 100)
        let ready = try Mailbox<UInt16>(loop: loopback.loop) { ports in
            loopback.connect(to: .loopback(port: ports[0])) { client in
                client.onHandshake = { $0.send(Array((line + "\n").utf8)) }
                client.onRead = { end in
                    guard end.received.count == line.utf8.count + 1 else { return }
                    received = end.received
                    #expect(end.stream.negotiatedProtocol == "cbp/1")
                    #expect(end.stream.tlsVersionName == (wire == .tls12 ? "TLSv1.2" : "TLSv1.3"))
                    end.stream.shutdown()
                }
                client.onEnd = { end in
                    #expect(end.stream.isPeerClosed)
                    loopback.stop()
                }
                client.startClientTLS(contexts.client)
                client.startReading()
            }
        }
        Thread.detachNewThread {
            var text = ""
            var isReported = false
            while true {
                let more = program.printedNext()
                if more.isEmpty { return }
                text += String(decoding: more, as: UTF8.self)
                guard !isReported, let match = text.firstMatch(of: /ACCEPT .*:(\d+)\n/), let port = UInt16(match.1) else { continue }
                isReported = ready.post([port])
            }
        }
        loopback.run()
        program.terminate()
        _ = program.wait()
        #expect(received == Array(line.utf8.reversed()) + [10])
    }
}
