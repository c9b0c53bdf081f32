/// Something that is done over and over.
struct Benchmark {
    /// What one operation is: `room: a delivery, 100 members, 32 messages a turn`.
    let name: String
    /// Operations of one round.
    let operationCount: Int
    /// Makes what a round needs, and gives the round.
    let prepare: () throws -> () -> Void
}

/// Keeps the optimiser from leaving out what nobody looks at.
@inline(never)
func keep<Value>(_ value: borrowing Value) {}

/// A failure of what is measured is a mistake in the benchmark.
func must<Value, Failure: Error>(_ body: () throws(Failure) -> Value) -> Value {
    do {
        return try body()
    } catch {
        preconditionFailure("\(error)")
    }
}
