import ChatCore
import ChatProtocol
import ChatStore
import LibUV
import Logging

/// What a turn hands to others: mail for the other loops, what is to be stored and read, questions about credentials, and a line for the log.
extension ShardDriver {
    func postMail() {
        for target in shard.effects.mail.indices where target != index {
            if !shard.effects.mail[target].isEmpty {
                var batch: [ShardMail] = []
                swap(&batch, &shard.effects.mail[target])
                shared.boxes[target].mail.post(batch)
            }
            shard.noteMailbox(of: target, count: shared.boxes[target].mail.undeliveredCount)
        }
    }

    /// Hands over what this turn has to be stored and read. What became of it comes by the box.
    ///
    /// - Parameter isLast: whether nothing comes behind it.
    func postToStore(isLast: Bool = false) {
        guard let store = shared.storage?.store else { return }
        let box = shared.boxes[index].store
        if let post = shard.takePost(isLast: isLast) {
            let number = post.number
            let isTaken = store.post(post.writes, isAwaited: post.isAwaited) { box.post([StoreAnswer($0, to: number)]) }
            if !isTaken { box.post([.failed(post: number)]) }
            shard.isStoreBacklogged = store.isBacklogged
        } else if shard.isStoreBacklogged {
            shard.isStoreBacklogged = store.isBacklogged
        }
        if !shard.effects.lookUps.isEmpty { look(up: shard.effects.lookUps, in: store) }
        for read in shard.effects.reads {
            let number = read.number
            let isTaken = store.read(read.query) { result in
                let page: HistoryPage? =
                    switch result {
                    case .success(let page): page
                    case .failure: nil
                    }
                box.post([.page(read: number, page)])
            }
            if !isTaken { box.post([.page(read: number, nil)]) }
        }
        if !shard.effects.reads.isEmpty { shard.effects.reads.removeAll(keepingCapacity: true) }
        if !shard.effects.searches.isEmpty { postSearches(to: store) }
    }

    private func postSearches(to store: Store) {
        let box = shared.boxes[index].store
        for search in shard.effects.searches {
            let number = search.number
            let isTaken = store.search(search.query) { result in
                let page: SearchPage? =
                    switch result {
                    case .success(let page): page
                    case .failure: nil
                    }
                box.post([.found(search: number, page)])
            }
            if !isTaken { box.post([.found(search: number, nil)]) }
        }
        shard.effects.searches.removeAll(keepingCapacity: true)
    }

    private func look(up lookUps: [StoreLookUp], in store: Store) {
        shard.effects.lookUps.removeAll(keepingCapacity: true)
        let box = shared.boxes[index].store
        for lookUp in lookUps {
            let number = lookUp.number
            let isTaken = store.find(lookUp.question) { box.post([.lookedUp(number, try? $0.get())]) }
            if !isTaken { box.post([.lookedUp(number, nil)]) }
        }
    }

    func askQuestions() {
        guard !shard.effects.questions.isEmpty else { return }
        let questions = shard.effects.questions
        shard.effects.questions.removeAll(keepingCapacity: true)
        for question in questions {
            var evidence = ChannelEvidence()
            if let id = question.session, id.shard == index, let connection = connections[Int(id.slot)], connection.session.id == id {
                evidence = connection.evidence
            }
            let request = AccountService.Request(loop: index, question: question, evidence: evidence)
            guard shared.accounts?.ask(request) != true else { continue }
            // Not from here: what it leads to belongs to a turn of its own.
            let answer = CredentialAnswer.refused(.overloaded, reason: "too many log in at once; try later")
            shared.boxes[index].orders.post([.answer(question.number, answer)])
        }
    }

    func report() {
        let statistics = shard.statistics
        shared.log.notice(
            "what loop \(index) has, and what it has done since the start",
            metadata: [
                "loop": "\(index)", "connections": "\(connectionCount)", "rooms": "\(shard.roomCount)",
                "accounts": "\(shard.accountCount)", "backlog_bytes": "\(shard.backlogByteCount)",
                "published": "\(statistics.publishes)", "duplicates": "\(statistics.duplicates)",
                "delivered": "\(statistics.deliveries)", "lags": "\(statistics.lags)", "refusals": "\(statistics.refusals)",
            ])
    }
}
