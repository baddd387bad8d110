// The lists of algorithms of a generated set-up, and a program that prints known_hosts.

extension SetUp {
    /// Lists that are narrowed, widened, or have nothing in common with the server's.
    static func algorithms(_ me: inout SetUp) {
        me.pick(
            "algorithms", usual: 70,
            [
                ("few ciphers", { $0.set("Ciphers", "aes128-ctr,aes256-gcm@openssh.com") }),
                ("fewer ciphers", { $0.set("Ciphers", "-chacha20*,aes*-ctr") }),
                ("old ciphers", { $0.set("Ciphers", "aes128-cbc,3des-cbc") }),
                ("more ciphers", { $0.set("Ciphers", "+aes128-cbc") }),
                ("one MAC", { $0.set("MACs", "hmac-sha2-512") }),
                ("a MAC that libssh2 lacks", { $0.set("MACs", "umac-64@openssh.com") }),
                ("more key exchanges", { $0.set("KexAlgorithms", "+diffie-hellman-group14-sha1") }),
                ("one key exchange", { $0.set("KexAlgorithms", "ecdh-sha2-nistp256") }),
                ("an old key exchange", { $0.set("KexAlgorithms", "diffie-hellman-group1-sha1") }),
                ("first key exchange", { $0.set("KexAlgorithms", "^ecdh-sha2-nistp521") }),
                ("more host keys", { $0.set("HostKeyAlgorithms", "+ssh-rsa") }),
                ("more signatures", { $0.set("PubkeyAcceptedAlgorithms", "+ssh-rsa") }),
                ("fewer signatures", { $0.set("PubkeyAcceptedAlgorithms", "-ssh-ed25519*") }),
                (
                    "KnownHostsCommand",
                    {
                        $0.files["lookup"] = "echo '\($0.scene.address) \($0.scene.key(0))'\n"
                        $0.set("UserKnownHostsFile", "/dev/null")
                        $0.set("KnownHostsCommand", "/bin/sh \"\($0.folder)/lookup\" %H")
                    }
                ),
            ])
    }
}
