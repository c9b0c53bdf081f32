import Testing

@testable import ChatCore

/// Whatever people do at whatever moment, every promise holds.
struct RandomisedTests {
    @Test(arguments: 0..<40)
    func keepsEveryPromise(block: UInt64) {
        for seed in (block * 4 + 1)...(block * 4 + 4) {
            var workload = Workload(seed: seed)
            let faults = workload.run(1_500)
            #expect(faults.isEmpty, "seed \(seed)")
        }
    }

    /// The same with people who have accounts, register, log in anew and revoke their devices.
    @Test(arguments: 0..<20)
    func keepsEveryPromiseToAccounts(block: UInt64) {
        for seed in (block * 4 + 1)...(block * 4 + 4) {
            var workload = Workload(seed: seed, keepsAccounts: true)
            let faults = workload.run(1_500)
            #expect(faults.isEmpty, "seed \(seed)")
        }
    }
}
