import Glibc

/// Asks for a password: at the terminal without showing it, else as the next line of standard input. Never from an argument, which other
/// users of the machine can see.
enum PasswordPrompt {
    /// - Throws: a failure if there is none, or one that no broker takes.
    static func ask(_ prompt: String) throws(StartFailure) -> String {
        let answer: String?
        if isatty(STDIN_FILENO) == 1 {
            // getpass(3) turns echo and signals off while it reads, and puts the terminal back.
            answer = getpass(prompt).flatMap { password in
                defer { explicit_bzero(password, strlen(password)) }
                return String(validatingCString: password)
            }
        } else {
            answer = readLine(strippingNewline: true)
        }
        guard let answer, !answer.isEmpty else { throw StartFailure(reason: "no password was given") }
        guard answer.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }) else {
            throw StartFailure(reason: "a password has no control characters")
        }
        guard answer.utf8.count <= 1024 else { throw StartFailure(reason: "a password has at most 1024 octets") }
        return answer
    }

    /// Asks for a new password; a person types it twice.
    static func askForNew(_ prompt: String) throws(StartFailure) -> String {
        let password = try ask(prompt)
        guard password.count >= 8 else { throw StartFailure(reason: "at least 8 characters") }
        guard isatty(STDIN_FILENO) == 1 else { return password }
        guard try ask("The same again: ") == password else { throw StartFailure(reason: "the two passwords differ") }
        return password
    }
}
