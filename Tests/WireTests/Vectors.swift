// The messages of protocol/vectors, as bytes; and every call's arguments read as an agent reads
// them.
import Foundation
import JSON
import Support
import Wire

enum Vectors {
    /// A file of protocol/vectors without its last newline.
    static func bytes(_ name: String) throws -> [UInt8] {
        let path = "\(Repository.root)/protocol/vectors/\(name)"
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        return bytes.last == 10 ? bytes.dropLast() : bytes
    }

    static func lines(_ name: String) throws -> [[UInt8]] {
        try bytes(name).split(separator: 10).map(Array.init)
    }

    static func json(_ name: String) throws -> JSON { try JSON(parsing: bytes(name)) }

    /// The arguments of a method's request.
    static func arguments(_ method: Wire.Method) throws -> Fields {
        try Fields(Request(decoding: bytes("\(method.rawValue).request.json")).arguments)
    }

    /// The result of a method's reply.
    static func result(_ name: String) throws -> RawJSON {
        switch Reply(decoding: try bytes("\(name).reply.json")) {
        case .result(let result): return result
        case .fault(let fault): throw fault
        }
    }

    static func hex(_ text: String?) -> [UInt8]? {
        guard let text else { return nil }
        var bytes: [UInt8] = []
        var rest = text[...]
        while rest.count >= 2 {
            guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
            bytes.append(byte)
            rest = rest.dropFirst(2)
        }
        return rest.isEmpty ? bytes : nil
    }

    /// Reads a request and its arguments; the fault an agent answers with, if any.
    static func fault(of request: [UInt8]) -> Fault? {
        do throws(Fault) {
            let request = try Request(decoding: request)
            guard let method = Wire.Method(rawValue: request.method) else {
                throw Fault(.unknownMethod, "no method \(request.method)")
            }
            return fault(of: method, try Fields(request.arguments))
        } catch {
            return error
        }
    }

    /// Reads a method's arguments; the fault an agent answers with, if any.
    static func fault(of method: Wire.Method, _ fields: Fields) -> Fault? {
        do throws(Fault) {
            switch method {
            case .hello: _ = try Challenge(fields)
            case .welcome: _ = try Welcome(fields)
            case .refuse: _ = try Refusal(fields)
            case .drain: _ = try Drain(fields)
            case .offerKey: _ = try OfferKey(fields)
            case .useKey: _ = try UseKey(fields)
            case .describe: _ = try DescribeAgent(fields)
            case .events: _ = try AskEvents(fields)
            case .progress: _ = try AskProgress(fields)
            case .listPrincipals: _ = try NoArguments(fields)
            case .endPrincipal: _ = try EndPrincipal(fields)
            case .listTargets: _ = try ListTargets(fields)
            case .openSession: _ = try OpenSession(fields)
            case .runCommand: _ = try RunCommand(fields)
            case .sendInput: _ = try SendInput(fields)
            case .readOutput: _ = try ReadOutput(fields)
            case .listSessions: _ = try ListSessions(fields)
            case .listCommands: _ = try ListCommands(fields)
            case .updateSession: _ = try UpdateSession(fields)
            case .closeSession: _ = try CloseSession(fields)
            case .execute: _ = try ExecuteCommand(fields)
            case .readCommand: _ = try ReadCommand(fields)
            case .cancelCommand: _ = try CancelCommand(fields)
            case .listFiles: _ = try ListFiles(fields)
            case .readFile: _ = try ReadFile(fields)
            case .streamFile: _ = try StreamFile(fields)
            case .sendFiles: _ = try SendFiles(fields)
            case .startTransfer: _ = try StartTransfer(fields)
            case .awaitTransfer: _ = try AwaitTransfer(fields)
            case .readHost: _ = try ReadHost(fields)
            case .reportHost: _ = try ReportHost(fields)
            case .writeFile: _ = try WriteFile(fields)
            case .openForward: _ = try OpenForward(fields)
            case .listForwards: _ = try ListForwards(fields)
            case .closeForward: _ = try CloseForward(fields)
            case .connectForward: _ = try ConnectForward(fields)
            case .editFile: _ = try EditFile(fields)
            case .manageFiles: _ = try ManageFiles(fields)
            case .findFiles: _ = try FindFiles(fields)
            }
            return nil
        } catch {
            return error
        }
    }
}
