// swift-tools-version: 6.2
// The package: the programs (relay, agent) use Wire and the libraries, the libraries use C. See
// README.md.
import PackageDescription

let house: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]
/// Pure and product code: an unmarked unsafe construct fails the build.
let safe = house + [.strictMemorySafety()]

// libssh2 is linked from .deps where the system's is too old (scripts/build-libssh2.sh).
let ownLibraries: [LinkerSetting] = [
    .unsafeFlags(["-L\(Context.packageDirectory)/.deps/archives"])
]

func library(
    _ name: String, _ dependencies: [Target.Dependency], path: String? = nil,
    safe isSafe: Bool = false,
    linker: [LinkerSetting] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: path ?? "Sources/\(name)",
        exclude: name == "Wire" ? ["README.md", "vectors"] : [],
        swiftSettings: isSafe ? safe : house, linkerSettings: linker)
}

func suite(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies + ["Support"], path: "Tests/\(name)",
        exclude: exclude,
        swiftSettings: house)
}

// The scripts of host_read, which the agent embeds.
let scripts = [
    "certificates", "compose", "container_logs", "containers", "cron", "disks",
    "engine", "failed_services", "journal", "memory", "network", "ports",
    "prelude", "processes", "report", "services", "updates", "users",
    "zfs_pools",
]

// The relay's own runbooks, which it embeds.
let books = [
    "compare_hosts", "diagnose_host", "disk_full", "first_look", "incident_handover",
    "rotate_keys", "service_down",
]

// What the relay's pages need beside their HTML, which it embeds.
let assets = [
    "approvals.js", "icon.svg", "login.js", "me.js", "passkeys.js", "style.css", "welcome.js",
]

let package = Package(
    name: "homeline",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "homeline-relay", targets: ["homeline-relay"]),
        .executable(name: "homeline-agent", targets: ["homeline-agent"]),
    ],
    targets: [
        // C libraries: a module map and a shim each
        .systemLibrary(name: "CFIDO2", path: "Sources/CFIDO2"),
        .systemLibrary(name: "CUV", path: "Sources/CUV"),
        .systemLibrary(name: "CPTY", path: "Sources/CPTY"),
        .systemLibrary(name: "CNGHTTP2", path: "Sources/CNGHTTP2"),
        .systemLibrary(name: "COpenSSL", path: "Sources/COpenSSL"),
        .systemLibrary(name: "CSSH2", path: "Sources/CSSH2"),
        .systemLibrary(name: "CSQLite", path: "Sources/CSQLite"),
        .systemLibrary(name: "CVTerm", path: "Sources/CVTerm"),

        // Libraries
        library("JSON", [], safe: true),
        library("Programs", [], safe: true),
        library("Spelling", [], safe: true),
        library("Difference", [], safe: true),
        library("Terminal", ["Programs"], safe: true),
        library("Screen", ["Terminal", "CVTerm"], linker: [.linkedLibrary("vterm")]),
        library("Loop", ["Programs", "CUV", "CPTY"], linker: [.linkedLibrary("uv")]),
        library(
            "Crypto", ["COpenSSL"], linker: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
        library(
            "Passkeys", ["Crypto", "JSON", "CFIDO2"], linker: [.linkedLibrary("fido2")]),
        library("SQLite", ["CSQLite"], linker: [.linkedLibrary("sqlite3")]),
        library("Net", ["Loop", "Crypto", "CUV", "COpenSSL"]),
        library("HTTP", ["Crypto", "Loop", "Net"], safe: true),
        library("Tunnel", ["Loop", "Net", "CNGHTTP2"], linker: [.linkedLibrary("nghttp2")]),
        library(
            "SSH", ["Programs", "Loop", "Net", "Crypto", "CSSH2"],
            linker: ownLibraries + [.linkedLibrary("ssh2"), .linkedLibrary("z")]),
        library("MCP", ["JSON", "Spelling", "Crypto", "HTTP", "Loop", "Net"], safe: true),
        library("Configuration", ["Spelling"], safe: true),
        library("Diagnosis", ["Configuration", "Crypto", "JSON", "Loop"], safe: true),
        library("Wire", ["JSON"], path: "protocol", safe: true),
        library("TransferLines", ["Loop", "Net", "Wire"], safe: true),

        // Programs
        .executableTarget(
            name: "homeline-relay",
            dependencies: [
                "Configuration", "Crypto", "Diagnosis", "Difference", "HTTP", "JSON", "Loop", "MCP",
                "Net", "Passkeys",
                "SQLite", "Spelling", "TransferLines", "Tunnel", "Wire",
            ],
            path: "relay",
            resources: [.embedInCode("Downloads/install.sh")]
                + books.map { .embedInCode("Prompts/Books/\($0).md") }
                + assets.map { .embedInCode("Web/Assets/\($0)") },
            swiftSettings: safe),
        .executableTarget(
            name: "homeline-agent",
            dependencies: [
                "Configuration", "Crypto", "Diagnosis", "Difference", "HTTP", "JSON", "Loop", "Net",
                "Programs", "SSH", "Screen", "Spelling", "Terminal", "TransferLines", "Tunnel",
                "Wire",
            ],
            path: "agent", resources: scripts.map { .embedInCode("HostState/Scripts/\($0).sh") },
            swiftSettings: safe),
        .executableTarget(
            name: "homeline-bench",
            dependencies: [
                "CSSH2", "JSON", "Loop", "Net", "Crypto", "Tunnel", "HTTP", "Programs", "SSH",
                "Terminal", "Wire",
            ],
            path: "bench", exclude: ["peers"], swiftSettings: house,
            linkerSettings: ownLibraries + [.linkedLibrary("ssh2"), .linkedLibrary("z")]),

        // Tests
        .target(
            name: "Support", dependencies: ["Configuration", "JSON"], path: "Tests/Support",
            exclude: ["python"],
            swiftSettings: house),
        .executableTarget(
            name: "mcp-everything", dependencies: ["HTTP", "JSON", "Loop", "MCP", "Net"],
            path: "Tests/Everything", swiftSettings: safe),
        suite("JSONTests", ["JSON"]),
        suite("TerminalTests", ["Terminal", "Programs"]),
        suite("ScreenTests", ["Screen", "Terminal", "Loop"]),
        suite(
            "FuzzTests",
            [
                "Terminal", "Screen", "JSON", "Wire", "Configuration", "Crypto", "HTTP", "SSH",
                "Loop",
                "Net", "Passkeys", "Tunnel", "homeline-agent", "homeline-relay",
            ]),
        suite("LoopTests", ["Loop", "Programs"]),
        suite("CryptoTests", ["Crypto"]),
        suite(
            "PasskeysTests", ["Passkeys", "Crypto", "JSON"],
            exclude: ["python", "vectors.json"]),
        suite("SQLiteTests", ["SQLite"]),
        suite("NetTests", ["Net", "Loop", "Crypto", "COpenSSL"]),
        suite("HTTPTests", ["HTTP", "Net", "Loop", "Crypto"], exclude: ["python"]),
        suite("TunnelTests", ["Tunnel", "Net", "Loop", "Crypto"]),
        suite("SSHTests", ["SSH", "Programs", "Loop", "Net", "Crypto"]),
        suite(
            "MCPTests", ["MCP", "JSON", "HTTP", "Net", "Loop", "Crypto"],
            exclude: ["node", "python"]),
        suite("ConfigurationTests", ["Configuration", "Spelling"]),
        suite("DifferenceTests", ["Difference"]),
        suite("DiagnosisTests", ["Diagnosis", "Crypto", "JSON", "Loop"]),
        suite("WireTests", ["Wire", "JSON", "Crypto"]),
        suite(
            "RelayTests",
            [
                "homeline-relay", "Configuration", "Diagnosis", "JSON", "Loop", "Net", "Crypto",
                "Passkeys", "SQLite", "Tunnel", "Wire", "HTTP", "MCP",
            ]),
        suite(
            "AgentTests",
            [
                "homeline-agent", "Diagnosis", "JSON", "Loop", "Programs", "SSH", "Screen",
                "Terminal", "Wire", "Net", "Tunnel", "Crypto",
            ]),
        suite(
            "SessionLab",
            ["homeline-agent", "Crypto", "Loop", "Programs", "SSH", "Terminal", "Wire"]),
        suite(
            "StreamTests",
            [
                "homeline-agent", "homeline-relay", "JSON", "Loop", "Net", "Crypto", "MCP",
                "Tunnel", "Wire",
            ]),
        suite(
            "EndToEnd", ["JSON", "Loop", "HTTP", "Net", "Crypto", "Wire"], exclude: ["python"]),
        suite(
            "Security",
            ["JSON", "Loop", "Net", "Crypto", "Tunnel", "Wire", "Configuration", "HTTP"],
            exclude: ["matrix.tsv", "python"]),
        suite("Interop", ["JSON", "Crypto"], exclude: ["node", "python"]),
    ],
    swiftLanguageModes: [.v6]
)
