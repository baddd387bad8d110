// A PAM service of a test's own, for an sshd that asks its users through PAM: a service file, and a
// module with the prompts the test wants, as second factors have them. Before OpenSSH 9.8 sshd
// takes the service's name from the name it is started by, so the test's server is a link to sshd.
// Invariant: the service exists while the value does; needs root and a C compiler.
import Foundation

/// A PAM service that asks prompts and knows their answers.
public final class PAMService: Sendable {
    /// Why none can be made here; nil: one can.
    static let obstacle: String? = {
        if getuid() != 0 { return "needs root, to make a PAM service" }
        if Repository.find("cc") == nil { return "needs a C compiler, to make a PAM module" }
        if !FileManager.default.fileExists(atPath: "/etc/pam.d") { return "there is no PAM here" }
        return nil
    }()

    /// The service's name.
    let name: String
    /// The program to run as sshd.
    public let program: String
    private let file: String
    private let directory: TemporaryDirectory

    /// A service that asks each prompt in its turn; one that ends in `?` shows what is typed, one
    /// that ends in `!` asks nothing, and takes a moment.
    public init(_ prompts: [(prompt: String, answer: String)]) async throws {
        guard let sshd = Repository.find("sshd"), let compiler = Repository.find("cc") else {
            throw Unavailable("no sshd or no C compiler")
        }
        directory = try TemporaryDirectory("pam")
        name = "homeline-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        program = directory.file(name)
        file = "/etc/pam.d/\(name)"
        try FileManager.default.createSymbolicLink(atPath: program, withDestinationPath: sshd)
        let source = try directory.write(Self.module, to: "prompts.c")
        let module = directory.file("prompts.so")
        try await RunningProcess.run(
            compiler, ["-shared", "-fPIC", "-o", module, source])
        let rules = prompts.map { prompt, answer in
            "auth required \(module) [\(prompt)] \(answer)\n"
        }
        let text =
            rules.joined() + "account required pam_permit.so\nsession required pam_permit.so\n"
        try text.write(toFile: file, atomically: true, encoding: .utf8)
    }

    deinit { unlink(file) }

    private static let module = """
        #include <string.h>
        #include <stdlib.h>
        #include <unistd.h>
        struct message { int style; const char *text; };
        struct response { char *text; int code; };
        struct conversation {
            int (*ask)(int, const struct message **, struct response **, void *);
            void *data;
        };
        int pam_get_item(const void *, int, const void **);

        int pam_sm_authenticate(void *pam, int flags, int count, const char **words) {
            const void *item = NULL;
            struct response *answer = NULL;
            if (count != 2 || pam_get_item(pam, 5, &item) != 0 || !item) return 7;
            const struct conversation *talk = item;
            size_t length = strlen(words[0]);
            char last = words[0][length - 1];
            struct message message = { last == '!' ? 4 : last == '?' ? 2 : 1, words[0] };
            const struct message *messages = &message;
            if (last == '!') {
                talk->ask(1, &messages, &answer, talk->data);
                free(answer);
                usleep(300000);
                return 0;
            }
            if (talk->ask(1, &messages, &answer, talk->data) != 0 || !answer) return 7;
            int right = answer->text && strcmp(answer->text, words[1]) == 0;
            free(answer->text);
            free(answer);
            return right ? 0 : 7;
        }
        int pam_sm_setcred(void *pam, int flags, int count, const char **words) { return 0; }
        """
}
