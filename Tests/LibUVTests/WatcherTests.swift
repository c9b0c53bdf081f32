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

    /// As a child of a program that blocks it finds it.
    @Test func blockedSignalIsLetThrough() throws {
        try withLoop { loop in
            var blocked = sigset_t()
            sigemptyset(&blocked)
            sigaddset(&blocked, SIGUSR2)
            var previous = sigset_t()
            #expect(pthread_sigmask(SIG_BLOCK, &blocked, &previous) == 0)
            defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
            var count = 0
            // Sent before anybody watches: it waits.
            #expect(pthread_kill(pthread_self(), SIGUSR2) == 0)
            let watcher = try SignalWatcher(loop: loop, signal: SIGUSR2) {
                count += 1
                loop.stop()
            }
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
            let ends = makePipe()
            defer {
                close(ends.reading)
                close(ends.writing)
            }
            let input = try DescriptorWatcher(loop: loop, descriptor: ends.reading)
            let output = try DescriptorWatcher(loop: loop, descriptor: ends.writing)
            var received: UInt8 = 0
            try input.start(.readable) { result in
                #expect(result == .success(.readable))
                #expect(read(ends.reading, &received, 1) == 1)
                loop.stop()
            }
            try output.start(.writable) { result in
                #expect(result == .success(.writable))
                output.stop()
                var octet: UInt8 = 42
                #expect(write(ends.writing, &octet, 1) == 1)
            }
            // A shared terminal must not become non-blocking for the shell.
            #expect(fcntl(ends.reading, F_GETFL) & O_NONBLOCK == 0)
            loop.run()
            #expect(received == 42)
            input.close()
            output.close()
        }
    }

    @Test func endOfInputIsReadable() throws {
        try withLoop { loop in
            let ends = makePipe()
            let watcher = try DescriptorWatcher(loop: loop, descriptor: ends.reading)
            try watcher.start(.readable) { result in
                var octet: UInt8 = 0
                #expect(result == .success(.readable))
                #expect(read(ends.reading, &octet, 1) == 0)
                loop.stop()
            }
            close(ends.writing)
            loop.run()
            watcher.close()
            close(ends.reading)
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
