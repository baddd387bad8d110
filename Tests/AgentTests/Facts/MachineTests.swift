// The machine's names in the contract, whatever `uname` calls them.
import Testing

@testable import homeline_agent

@Suite struct MachineTests {
    @Test(arguments: [
        ("aarch64", "arm64"), ("arm64", "arm64"), ("amd64", "x86_64"), ("riscv64", "riscv64"),
    ])
    func `a processor has the contract's name`(uname: String, name: String) {
        #expect(Machine.architecture(uname) == name)
    }

    @Test(arguments: [("Linux", "linux"), ("Darwin", "macos"), ("FreeBSD", "freebsd")])
    func `a system has the contract's name`(uname: String, name: String) {
        #expect(Machine.system(uname) == name)
    }
}
