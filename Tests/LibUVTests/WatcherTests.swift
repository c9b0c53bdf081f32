import Glibc
import LibUV
import Testing

struct WatcherTests {
    @Test func signalCallsItsHandlerOnTheLoop() throws {
        try withLoop { loop in
            var count = 0
            let thread = pthread_self()
            let watcher = try SignalWatcher(loop: loop, signal: SIGUSR1) {
                #expect(pthread_equal(pthread_self(), thread) != 0)
                count += 1
                loop.stop()
            }
            #expect(kill(getpid(), SIGUSR1) == 0)
            loop.run()
            #expect(count == 1)
            watcher.close()
        }
    }

    @Test func signalsThatCannotBeCaughtAreRefused() throws {
        try withLoop { loop in
            #expect(throws: UVError.invalidArgument) { try SignalWatcher(loop: loop, signal: SIGKILL) {} }
        }
    }

    @Test func descriptorIsReportedWhenItCanBeReadAndWritten() throws {
        try withLoop { loop in
            var ends: [Int32] = [0, 0]
            #expect(pipe(&ends) == 0)
            defer { for end in ends { close(end) } }
            let input = try DescriptorWatcher(loop: loop, descriptor: ends[0])
            let output = try DescriptorWatcher(loop: loop, descriptor: ends[1])
            var received: UInt8 = 0
            try input.start(.readable) { result in
                #expect(result == .success(.readable))
                #expect(read(ends[0], &received, 1) == 1)
                loop.stop()
            }
            try output.start(.writable) { result in
                #expect(result == .success(.writable))
                output.stop()
                var octet: UInt8 = 42
                #expect(write(ends[1], &octet, 1) == 1)
            }
            // A shared terminal must not become non-blocking for the shell.
            #expect(fcntl(ends[0], F_GETFL) & O_NONBLOCK == 0)
            loop.run()
            #expect(received == 42)
            input.close()
            output.close()
        }
    }

    @Test func endOfInputIsReadable() throws {
        try withLoop { loop in
            var ends: [Int32] = [0, 0]
            #expect(pipe(&ends) == 0)
            let watcher = try DescriptorWatcher(loop: loop, descriptor: ends[0])
            try watcher.start(.readable) { result in
                var octet: UInt8 = 0
                #expect(result == .success(.readable))
                #expect(read(ends[0], &octet, 1) == 0)
                loop.stop()
            }
            close(ends[1])
            loop.run()
            watcher.close()
            close(ends[0])
        }
    }

    @Test func regularFilesAndClosedDescriptorsAreRefused() throws {
        try withLoop { loop in
            let file = open("/proc/self/exe", O_RDONLY)
            defer { close(file) }
            #expect(throws: UVError(systemErrorNumber: EPERM)) { try DescriptorWatcher(loop: loop, descriptor: file) }
            #expect(throws: UVError(systemErrorNumber: EBADF)) { try DescriptorWatcher(loop: loop, descriptor: -1) }
        }
    }

    @Test func threadHasItsNameItsStackAndNoSignals() throws {
        var before = sigset_t()
        pthread_sigmask(SIG_BLOCK, nil, &before)
        let thread = try LoopThread(name: "a rather long name", stackByteCount: 1 << 20) {
            let file = open("/proc/thread-self/comm", O_RDONLY)
            var name = [UInt8](repeating: 0, count: 32)
            let count = read(file, &name, name.count)
            close(file)
            #expect(String(decoding: name.prefix(max(0, count)), as: UTF8.self) == "a rather long n\n")

            var mask = sigset_t()
            pthread_sigmask(SIG_BLOCK, nil, &mask)
            #expect(sigismember(&mask, SIGTERM) == 1)
            #expect(sigismember(&mask, SIGSEGV) == 0)
        }
        thread.join()
        thread.join()
        // The starting thread is as it was.
        var after = sigset_t()
        pthread_sigmask(SIG_BLOCK, nil, &after)
        for signal in 1..<SIGSYS { #expect(sigismember(&before, signal) == sigismember(&after, signal)) }
        #expect(throws: UVError.invalidArgument) { try LoopThread(name: "tiny", stackByteCount: 1) {} }
    }

    @Test func descriptorLimitIsRaisedToTheHardOne() async {
        await #expect(processExitsWith: .success) {
            let limit = try ProcessLimits.raiseDescriptorLimit()
            #expect(limit.soft == limit.hard)
            #expect(try ProcessLimits.descriptorLimit() == limit)
        }
    }
}
