import ChatProtocol

/// Rooms that are there without anybody having made them, so that newcomers find somewhere to go.
extension Shard {
    /// Opens those of the standing rooms whose home is here, as a broker does that starts for the first time: with nothing stored, or where nothing is.
    func openStandingRooms() {
        for address in settings.standingRooms.sorted() where map.home(of: address) == index && rooms[address] == nil {
            begin(makeRoom(address, policy: policyOfNewRooms), with: nil, nil)
        }
    }

    /// Whether a room stays though nobody is in it and nothing was said.
    func isStanding(_ address: RoomAddress) -> Bool { address == .lobby || settings.standingRooms.contains(address) }
}
