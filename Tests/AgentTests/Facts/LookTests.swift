// What is found of a machine in files that a test laid out, and when it is looked up.
import Foundation
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite struct LookTests {
    /// A system's files under a folder of their own.
    private struct System {
        let folder: TemporaryDirectory

        init(_ files: [String: String] = [:], programs: [String] = []) throws {
            folder = try TemporaryDirectory("system")
            for (path, text) in files { try write(path, text, 0o644) }
            for path in programs { try write(path, "#!/bin/sh\n", 0o755) }
        }

        private func write(_ path: String, _ text: String, _ mode: Int) throws {
            let file = folder.path + path
            try FileManager.default.createDirectory(
                atPath: (file as NSString).deletingLastPathComponent,
                withIntermediateDirectories: true)
            _ = FileManager.default.createFile(
                atPath: file, contents: Data(text.utf8), attributes: [.posixPermissions: mode])
        }

        func look(path: String = "", _ variables: Set<String> = []) -> AgentFacts {
            Machine.look(at: SystemFiles(root: folder.path), path: path, variables: variables)
        }
    }

    @Test func `a machine is described by its files`() throws {
        let found = try System(
            [
                "/etc/os-release": "NAME='Alpine Linux'\nPRETTY_NAME=\"Alpine Linux v3.20\"\n",
                "/proc/cpuinfo": "processor\t: 0\nmodel name\t: AMD EPYC 7763\n",
                "/proc/meminfo": "MemTotal:        8130288 kB\nMemFree: 1 kB\n",
                "/run/openrc/softlevel": "default",
                "/opt/x/zfs": "not a program",
            ],
            programs: [
                "/sbin/apk", "/usr/bin/git", "/opt/x/docker", "/usr/lib/ssh/sftp-server",
                "/usr/bin/no-tool-of-ours",
            ]
        ).look(path: "/opt/x:relative:/opt/x")
        #expect(found.release == "Alpine Linux v3.20" && found.processor == "AMD EPYC 7763")
        #expect(found.memory == 8_130_288 * 1024 && found.processors > 0)
        #expect(found.packages == "apk" && found.initSystem == "openrc")
        #expect(found.container.isEmpty && found.cloud.isEmpty)
        #expect(found.capabilities == ["apk", "docker", "git", "openrc", "sftp"])
        #expect(found.system == "linux" && !found.kernel.isEmpty)
    }

    @Test func `what is not there is left out`() throws {
        let found = try System().look()
        #expect(found.capabilities.isEmpty && found.release.isEmpty && found.memory == 0)
        let json = found.json
        for name in ["release", "cpu_model", "memory_bytes", "init", "container", "cloud"] {
            #expect(json[name] == nil, "\(name)")
        }
    }

    @Test(arguments: [
        ("sys_vendor", "Amazon EC2", "aws"), ("product_name", "Google Compute Engine", "gcp"),
        ("chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77", "azure"),
        ("sys_vendor", "Microsoft Corporation", ""), ("sys_vendor", "Hetzner", "hetzner"),
        ("sys_vendor", "QEMU", ""),
    ])
    func `a cloud is known by the firmware`(file: String, text: String, cloud: String) throws {
        #expect(try System(["/sys/class/dmi/id/\(file)": text + "\n"]).look().cloud == cloud)
    }

    @Test(arguments: [
        ("/.dockerenv", "", "docker"), ("/run/.containerenv", "", "podman"),
        ("/run/systemd/container", "lxc\n", "lxc"),
        ("/proc/1/cgroup", "0::/docker/3f\n", "docker"), ("/proc/1/cgroup", "0::/init.scope\n", ""),
    ])
    func `a container is known by its marks`(path: String, text: String, kind: String) throws {
        #expect(try System([path: text]).look().container == kind)
    }

    @Test func `a pod is known by its variable`() throws {
        let found = try System(["/.dockerenv": ""]).look(["KUBERNETES_SERVICE_HOST"])
        #expect(found.container == "kubernetes")
    }

    @Test func `a folder whose file system needs a server is not looked at`() throws {
        let mounts = """
            1 0 8:1 / / rw - ext4 /dev/sda1 rw
            2 1 0:50 / /net rw - nfs4 nas:/x rw
            3 2 8:2 / /net/own rw - xfs /dev/sda2 rw
            4 1 0:51 / /a\\040b rw - fuse.sshfs h: rw
            5 1 8:1 /sub /again rw - ext4 /dev/sda1 rw

            """
        let found = try System(
            ["/proc/self/mountinfo": mounts],
            programs: ["/net/bin/git", "/net/own/bin/docker", "/a b/zfs", "/network/make"]
        ).look(path: "/net/bin:/net/own/bin:/a b:/network")
        #expect(found.capabilities == ["docker", "make"])
        #expect(Mounts(mounts).disks.map(\.path) == ["/", "/net/own"])
    }

    @Test func `a named pipe in place of a file does not hang the look`() throws {
        let system = try System(["/etc/x": ""])
        mkfifo(system.folder.path + "/etc/os-release", 0o600)
        #expect(system.look().release.isEmpty)
    }

    @Test @IO func `one look at a time, and nobody waits for one that hangs`() async throws {
        let (count, gate) = (Box(0), DispatchSemaphore(value: 0))
        let survey = Survey {
            let number = count.withLock { number -> Int in
                number += 1
                return number
            }
            if number == 2 { gate.wait() }
            var facts = AgentFacts()
            facts.release = "\(number)"
            return facts
        }
        await survey.refresh()
        #expect(survey.facts.release == "1")
        let start = IO.now
        for _ in 0..<2 { IO.task { await survey.refresh() } }
        await survey.refresh()
        // A timer of the loop counts whole milliseconds from the beginning of its turn.
        let took = IO.now - start
        #expect(took >= Survey.patience - .milliseconds(20) && took < .seconds(10), "\(took)")
        #expect(survey.facts.release == "1" && count.withLock { $0 } == 2)
        gate.signal()
        while survey.facts.release != "2" { try await IO.sleep(for: .milliseconds(1)) }
        await survey.refresh()
        #expect(survey.facts.release == "3")
    }

    @Test func `this machine has the tools that the tests need`() {
        let found = Machine.look()
        #expect(found.capabilities.contains("git") && found.memory > 1 << 20)
    }
}
