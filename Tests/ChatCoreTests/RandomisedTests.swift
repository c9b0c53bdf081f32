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

    /// The same with a store whose answers come late, which fails for a while now and then, and which outlives its broker: one that is
    /// stopped, or one that is killed at any moment.
    @Test(arguments: 0..<30)
    func keepsEveryPromiseAcrossRestarts(block: UInt64) { restart(block, keepsAccounts: false) }

    /// The same with people who have accounts: memberships, markers and authors outlive the broker too.
    @Test(arguments: 0..<30)
    func keepsEveryPromiseToAccountsAcrossRestarts(block: UInt64) { restart(block, keepsAccounts: true) }

    private func restart(_ block: UInt64, keepsAccounts: Bool) {
        for seed in (block * 2 + 1)...(block * 2 + 2) {
            let store = SimulatedStore()
            store.failsReads = seed % 2 == 0
            var former: SimulatedBroker?
            for life in UInt64(0)..<4 {
                var workload = Workload(seed: seed << 8 | life, keepsAccounts: keepsAccounts, store: store, former: former)
                let faults = life == 3 ? workload.run(600) : workload.runWithoutEnd(400)
                guard faults.isEmpty else {
                    #expect(faults.isEmpty, "seed \(seed), life \(life)")
                    return
                }
                if seed % 3 == 0 {
                    store.setFailing(false)
                    workload.broker.settle()
                    store.close()
                }
                former = workload.broker
            }
        }
    }
}
