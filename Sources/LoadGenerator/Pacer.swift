import LibUV
import Synchronization

/// Wakes a loop when something of its schedule is due: a thread that sleeps, because the timers of a loop count whole milliseconds and
/// a message sent late would pass for a slow broker.
final class Pacer: Sendable {
    /// Two wake-ups are at least so far apart; what is due in between is sent together.
    private static let spacingNanoseconds: UInt64 = 100_000

    private let isStopped = Atomic<Bool>(false)

    /// - Parameters:
    ///   - numbers: the publishers of this loop, ascending, among `publisherCount` in all.
    init?(schedule: SendSchedule, numbers: [UInt64], publisherCount: UInt64, mailbox: Mailbox<LoopCommand>, index: Int) {
        do throws(UVError) {
            _ = try LoopThread(name: "load-pace-\(index)", stackByteCount: 256 * 1_024) { [self] in
                run(schedule, numbers, publisherCount, mailbox)
            }
        } catch {
            return nil
        }
    }

    func stop() { isStopped.store(true, ordering: .relaxed) }

    private func run(_ schedule: SendSchedule, _ numbers: [UInt64], _ publisherCount: UInt64, _ mailbox: Mailbox<LoopCommand>) {
        var sent: UInt64 = 0
        var notBefore: UInt64 = 0
        while !isStopped.load(ordering: .relaxed) {
            let (round, position) = sent.quotientAndRemainder(dividingBy: UInt64(numbers.count))
            let due = max(schedule.nanoseconds(of: round * publisherCount + numbers[Int(position)]), notBefore)
            let now = MonotonicClock.nanoseconds
            if due > now {
                // In steps, so that a slow schedule does not outlive the run.
                MonotonicClock.sleep(until: min(due, now + 100_000_000))
                if due > MonotonicClock.nanoseconds { continue }
            }
            guard mailbox.post([.tick]) else { return }
            let wake = MonotonicClock.nanoseconds
            notBefore = wake + Self.spacingNanoseconds
            // Everything due by now is served by the one wake-up.
            let dueCount = schedule.dueCount(at: wake)
            let rounds = dueCount / publisherCount
            sent = max(sent + 1, rounds * UInt64(numbers.count) + UInt64(numbers.count { $0 < dueCount % publisherCount }))
        }
    }
}
