// Logging in within its limits: Login does it. Invariant: a link that is open keeps no password.
internal import Loop

extension Link {
    func logIn() async throws(SSHError) {
        let limit = configuration.limits.login
        let login = Login(self)
        let running = IO.task { await login.run() }
        var result = await IO.within(limit) { await running.value }
        let patience = configuration.limits.person
        if result == nil, login.isWaitingForPerson, limit < patience {
            result = await IO.within(patience - limit) { await running.value }
        }
        guard let result else {
            throw failure
                ?? .loginTimedOut(
                    user: configuration.user,
                    tried: login.tried + [login.waiting].compactMap(\.self),
                    limit: limit)
        }
        if let error = result { throw error }
        configuration.authentication = []
        configuration.onWaiting = nil
    }
}
