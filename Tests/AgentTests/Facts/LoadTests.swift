// How busy a machine is, from files that a test laid out, and from this machine.
import Foundation
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite struct LoadTests {
    private func folder(_ files: [String: String]) throws -> TemporaryDirectory {
        let folder = try TemporaryDirectory("load")
        for (path, text) in files {
            let file = folder.path + path
            try FileManager.default.createDirectory(
                atPath: (file as NSString).deletingLastPathComponent,
                withIntermediateDirectories: true)
            try text.write(toFile: file, atomically: true, encoding: .utf8)
        }
        return folder
    }

    @Test @IO func `the load is what the kernel says`() async throws {
        let system = try folder([
            "/proc/loadavg": "0.52 1.25 2.00 2/345 6789\n",
            "/proc/meminfo":
                "MemTotal: 1000 kB\nMemAvailable:  250 kB\nSwapTotal: 8 kB\nSwapFree: 4 kB\n",
            "/proc/uptime": "86400.52 100.0\n", "/proc/1/comm": "init", "/proc/23/comm": "x",
            "/proc/net/dev": """
            Inter-|   Receive                |  Transmit
             face |bytes    packets errs drop fifo frame compressed multicast|bytes packets
                lo: 999 1 0 0 0 0 0 0 999 1 0 0 0 0 0 0
              eth0: 1000 1 0 0 0 0 0 0 50 1 0 0 0 0 0 0
             wlan0:7 1 0 0 0 0 0 0 3 1 0 0 0 0 0 0

            """,
        ])
        let load = await LoadMeter(SystemFiles(root: system.path), disks: { [] }).load()
        #expect(load.averages! == (0.52, 1.25, 2))
        #expect(load.memory == 1_024_000 && load.memoryFree == 256_000)
        #expect(load.swap == 8192 && load.swapFree == 4096)
        #expect(load.uptime == 86400 && load.processes == 2)
        #expect(load.received == 1007 && load.sent == 53)
        #expect(load.processor == nil && load.disks.isEmpty)
    }

    @Test @IO func `what a system does not show is left out`() async throws {
        let system = try folder([:])
        let load = await LoadMeter(SystemFiles(root: system.path)).load()
        #expect(load.json == [:])
    }

    @Test(arguments: [
        ("cpu  100 0 100 800 0 0 0 0", "cpu  200 0 200 1600 0 0 0 0", 20.0),
        ("cpu  0 0 0 100 0 0 0 0", "cpu  0 0 0 150 50 0 0 0", 0),
        ("cpu  0 0 0 100", "cpu  10 0 0 100", 100),
        ("cpu  1 0 0 100", "cpu  1 0 0 100", nil),
    ])
    func `the processors' share is that of the ticks between`(
        before: String, after: String, percent: Double?
    ) throws {
        let (one, two) = (ProcessorTime(before), ProcessorTime(after))
        #expect(try #require(two).percent(since: try #require(one)) == percent)
        #expect(ProcessorTime("intr 5") == nil && ProcessorTime("") == nil)
    }

    @Test @IO func `a disk that hangs costs its own answer only, and one thread`() async throws {
        let (looks, gate) = (Box(0), DispatchSemaphore(value: 0))
        let meter = LoadMeter(disks: {
            looks.withLock { $0 += 1 }
            gate.wait()
            return [DiskLoad(mount: "/", size: 2, free: 1, used: 50)]
        })
        let start = IO.now
        for _ in 0..<2 {
            let load = await meter.load()
            #expect(load.disks.isEmpty && load.memory != nil)
        }
        #expect(IO.now - start >= LoadMeter.patience && looks.withLock { $0 } == 1)
        gate.signal()
        gate.signal()
        while await meter.load().disks.isEmpty {}
    }

    @Test @IO func `this machine is measured`() async throws {
        let load = await LoadMeter().load()
        #expect((0...100).contains(try #require(load.processor)))
        #expect(try #require(load.memory) > 1 << 20 && load.processes ?? 0 > 1)
        for disk in load.disks {
            #expect(disk.size >= disk.free && (0...100).contains(disk.used), "\(disk)")
        }
    }
}
